/* What a board is that nobody has configured yet, or whose configuration was only half written: it says so in its
   name, and measures what most boards have. */
#ifndef DEFAULT_CONFIGURATION_H
#define DEFAULT_CONFIGURATION_H

#include "configuration.h"
#include "quadrature.h"

struct __attribute__((packed)) hello_channel {
    char name[24];
    double rate_hz, counts_per_unit, zero_counts;
    int32_t min_counts, max_counts;
};

static const struct __attribute__((packed, aligned(4))) {
    struct configuration head;
    struct __attribute__((packed)) {
        uint8_t fixed[12];
        struct hello_channel hello;
    } channel[2];
} DEFAULT_CONFIGURATION = {
    {CONFIGURATION_MAGIC, 60 + 2 * 68 + 4, 2, 20, 115200, "not configured", "none"},
    {
        {{SENSOR_ENCODER, 2, 3, NO_PIN, 3, 0, 0, 0, 1000 & 255, 1000 >> 8, 0, 0},
         {"position_m", 1000.0, 10000.0 * SUBSTEPS, 0.0, -0x7fffffff, 0x7fffffff}},
        {{SENSOR_HX711, 10, 11, NO_PIN, 3, 0, 0, 0, 12500 & 255, 12500 >> 8, 0, 0},
         {"force_n", 80.0, 1.0, 0.0, -0x7fffff, 0x7fffff}},
    },
};

#endif
