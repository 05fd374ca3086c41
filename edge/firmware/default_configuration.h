/* What a board is that nobody has configured yet, or whose configuration was only half written: it says so in its
   name, and measures what most boards have. target.h says at which pins and how fast. */
#ifndef DEFAULT_CONFIGURATION_H
#define DEFAULT_CONFIGURATION_H

#include "configuration.h"
#include "target.h"

struct __attribute__((packed)) hello_channel {
    char name[24];
    uint64_t rate_hz, counts_per_unit, zero_counts; /* the bits of 64-bit floats */
    int32_t min_counts, max_counts;
};

#define FLOAT_1 0x3ff0000000000000ull
#define FLOAT_80 0x4054000000000000ull
#define FLOAT_160000 0x4103880000000000ull /* a tenth of a millimetre a count, in 16 sub-steps */

static const struct __attribute__((packed, aligned(4))) {
    struct configuration head;
    struct __attribute__((packed)) {
        uint8_t sensor, pins[3], width, option;
        int16_t centre;
        uint32_t period_us;
        struct hello_channel hello;
    } channel[2];
    uint32_t crc; /* not looked at: it is built in */
} DEFAULT_CONFIGURATION DEFAULT_STORAGE = {
    {CONFIGURATION_MAGIC, 60 + 2 * 68 + 4, 2, 20, 115200, "not configured", "none"},
    {
        {SENSOR_ENCODER, {2, 3, NO_PIN}, 3, 0, 0, DEFAULT_ENCODER_US,
         {"position_m", DEFAULT_ENCODER_HZ, FLOAT_160000, 0, -0x7fffffff, 0x7fffffff}},
        {SENSOR_HX711, {DEFAULT_HX711_PINS, NO_PIN}, 3, 0, 0, 12500,
         {"force_n", FLOAT_80, FLOAT_1, 0, -0x7fffff, 0x7fffff}},
    },
    0,
};

#endif
