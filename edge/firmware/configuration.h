/* What is connected to the board: a block of bytes in flash, written by `plumbline board configure`.

   The layout is drawn in edge/board/configuration.py. The board sends what it need not understand (names, rates,
   scales: 64-bit floats that avr-gcc does not have) in its hello as it stands here. */
#ifndef CONFIGURATION_H
#define CONFIGURATION_H

#include <stdbool.h>
#include <stdint.h>

#define CONFIGURATION_MAGIC 0x32424C50u /* "PLB2" */
#define NO_PIN 255
#define HELLO_CHANNEL_BYTES 56 /* as in station/wire.py, without the last byte: where zero is */

enum sensor { SENSOR_ENCODER = 1, SENSOR_HX711 = 2, SENSOR_AS5600 = 3, SENSOR_NAU7802 = 4 };

struct channel_configuration {
    uint8_t sensor;
    uint8_t pins[3]; /* encoder: A, B, home switch; HX711: data, clock; I2C: data, clock, data ready */
    uint8_t width;   /* bytes a sample takes on the line */
    uint8_t option;  /* encoder, AS5600: 1 = counts the other way */
    int16_t centre;  /* AS5600: the counts in the middle of its range; it wraps half a turn away */
    uint32_t period_us;
    uint8_t hello[HELLO_CHANNEL_BYTES];
};

struct configuration {
    uint32_t magic;
    uint16_t bytes; /* of the whole block, the CRC included */
    uint8_t channels;
    uint8_t frame_ms;
    uint32_t baud; /* of the serial pins; 0: they are not used */
    char name[32];
    char serial[16];
    struct channel_configuration channel[];
};

/* Whether the block is whole and one this board can carry out. */
bool configuration_is_valid(const struct configuration *configuration);

#endif
