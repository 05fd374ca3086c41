/* Sensors on the I2C bus: the tilt encoder AS5600 and the converter NAU7802, one transfer at a time. */
#ifndef I2C_SENSORS_H
#define I2C_SENSORS_H

#include <stdbool.h>
#include <stdint.h>

#include "configuration.h"
#include "hal.h"

void i2c_sensors_start(const struct configuration *configuration, uint32_t now_us);
void i2c_sensors_step(uint32_t now_us);
/* The next reading that has not been taken; false: none. */
bool i2c_reading(uint8_t channel, struct reading *reading);

#endif
