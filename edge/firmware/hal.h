/* What the firmware needs of the machine it runs on. Below it stand rp2040/, avr/ and host/. */
#ifndef HAL_H
#define HAL_H

#include <stdbool.h>
#include <stdint.h>

#include "configuration.h"
#include "quadrature.h"
#include "target.h" /* MAX_CHANNELS, MAX_ENCODERS, MAX_SAMPLES, FRAME_BYTES of this machine */

enum start { START_SWITCHED_ON = 0, START_WATCHDOG = 1, START_ASKED = 2 };

/* Survives a restart, not a loss of power. */
struct kept {
    int32_t count[MAX_ENCODERS];
    uint32_t watchdog_restarts;
    uint32_t check;
};

#define NO_VALUE INT32_MIN /* a converter that does not hold its line as one that is ready does */

struct reading {
    int32_t counts;
    uint32_t t_us; /* when the conversion was ready */
};

/* Ready the pins of the configuration; before anything below is called. */
void hal_start(const struct configuration *configuration);
enum start hal_start_reason(void);
struct kept *hal_kept(void);
uint32_t hal_random(void);

/* Microseconds; wraps. Never runs backwards. */
uint32_t hal_now_us(void);
/* Sleep until the time has come or something happens, whichever is first. */
void hal_idle_until(uint32_t t_us);
/* Microseconds slept since the start; wraps. */
uint32_t hal_idle_us(void);
/* Tell the watchdog that all is well; it waits 250 ms. */
void hal_alive(void);

/* Where an encoder's lines stand, B << 1 | A, when counting begins. */
uint8_t hal_encoder_pins(uint8_t channel);
/* Take every edge of an encoder up to this time; then *q is what it was at that time. */
void hal_encoder_until(uint8_t channel, uint32_t t_us, struct quadrature *q);
bool hal_home_switch(uint8_t channel);
/* The next reading of a converter that has not been taken; false: none. */
bool hal_reading(uint8_t channel, struct reading *reading);

/* One transfer at a time: write n bytes, then read n bytes; neither waits. */
void hal_i2c_begin(uint8_t address, const uint8_t *write, uint8_t n_write, uint8_t n_read);
enum { I2C_BUSY = -1, I2C_FAILED = -2 };
/* I2C_BUSY, I2C_FAILED, or how many bytes were read. */
int8_t hal_i2c_result(uint8_t *read);

/* Room for a frame, and `reserve` bytes after it, in every line that somebody may listen to; a line that has none
   is left out until the next frame, and false is returned. */
bool hal_line_open(uint16_t bytes, uint16_t reserve);
void hal_line_byte(uint8_t byte);
/* The frame is whole. */
void hal_line_close(void);

#endif
