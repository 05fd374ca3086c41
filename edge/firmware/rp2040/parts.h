/* The parts of hal.h on this chip. */
#ifndef PARTS_H
#define PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "configuration.h"
#include "registers.h"

void clocks_start(void);
void unreset(uint32_t parts);
void pin_start(uint8_t pin, enum function function, bool pull_up);
void irq_enable(enum irq irq);

void encoder_start(uint8_t channel, uint8_t encoder, uint8_t pin_a);
void encoders_run(uint8_t encoders);
void converter_start(uint8_t channel, uint8_t machine, uint8_t data, uint8_t clock);
void converters_run(uint8_t machines);
/* A converter's data-ready pin, whose reading is fetched by I2C. */
void ready_start(uint8_t channel, uint8_t pin);
void i2c_start(uint8_t data, uint8_t clock);

void line_start(uint32_t baud);
/* Bytes that wait for USB; taken from the front. */
uint16_t line_take_usb(uint8_t *bytes, uint16_t most);
void line_forget_usb(void);
void usb_start(const char *serial);
bool usb_has_listener(void);
void usb_send(void);

#endif
