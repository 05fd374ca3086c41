/* Assembled from edges.pio and hx711.pio; a test assembles them again and compares. */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include <stdint.h>

#define EDGES_LENGTH 11u
static const uint16_t EDGES[EDGES_LENGTH] = {
    0xa027, 0x0042, 0xa0e1, 0xa0c3, 0x4002, 0xa026, 0x00a8, 0x0200, 0xa041, 0x40fe, 0x8000,
};

#define HX711_LENGTH 11u
static const uint16_t HX711[HX711_LENGTH] = {
    0x2020, 0x4001, 0xe037, 0xb042, 0x4001, 0x0043, 0xb042, 0x4001, 0x8000, 0xe05f, 0x0f8a,
};

#endif
