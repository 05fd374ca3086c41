#include "hal.h"
#include "parts.h"

#define PERIOD (SYS_HZ / 400000u)

static uint8_t reading_n;

/* A sensor that was being read when the board restarted may hold the data line until it has been clocked on: by nine
   clocks at most, a byte and its acknowledgement (I2C specification, 3.1.16), of 12 us each. */
static void free_bus(uint8_t data, uint8_t clock)
{
    pin_start(data, FUNCTION_SIO, true);
    pin_start(clock, FUNCTION_SIO, true);
    REG(GPIO_OUT_CLR) = 1u << clock;
    for (uint8_t half = 0; half < 18; half++) {
        REG(half & 1 ? GPIO_OE_CLR : GPIO_OE_SET) = 1u << clock;
        for (uint32_t began = REG(TIMER_RAWL); REG(TIMER_RAWL) - began < 6;)
            ;
    }
}

void i2c_start(uint8_t data, uint8_t clock)
{
    unreset(RESET_I2C0);
    free_bus(data, clock);
    pin_start(data, FUNCTION_I2C, true);
    pin_start(clock, FUNCTION_I2C, true);
    REG(I2C_ENABLE) = 0;
    REG(I2C_CON) = 1u | 2u << 1 | 1u << 5 | 1u << 6 | 1u << 8; /* master, fast, restart, no slave, empty when sent */
    REG(I2C_FS_HCNT) = PERIOD * 2 / 5;
    REG(I2C_FS_LCNT) = PERIOD * 3 / 5;
    REG(I2C_FS_SPKLEN) = PERIOD * 3 / 5 / 16;
    REG(I2C_SDA_HOLD) = SYS_HZ / 10000000u * 3 + 1; /* 300 ns */
    REG(I2C_ENABLE) = 1;
}

void hal_i2c_begin(uint8_t address, const uint8_t *write, uint8_t n_write, uint8_t n_read)
{
    REG(I2C_ENABLE) = 0; /* whatever hung is over */
    REG(I2C_TAR) = address;
    REG(I2C_ENABLE) = 1;
    (void)REG(I2C_CLR_TX_ABRT);
    reading_n = n_read;
    /* The whole transfer fits the queue of 16; the hardware carries it out. */
    for (uint8_t i = 0; i < n_write; i++)
        REG(I2C_DATA_CMD) = write[i] | (n_read == 0 && i + 1 == n_write ? I2C_STOP : 0);
    for (uint8_t i = 0; i < n_read; i++)
        REG(I2C_DATA_CMD) = I2C_READ | (i == 0 ? I2C_RESTART : 0) | (i + 1 == n_read ? I2C_STOP : 0);
}

int8_t hal_i2c_result(uint8_t *read)
{
    if (REG(I2C_RAW_INTR_STAT) & I2C_TX_ABRT) {
        (void)REG(I2C_CLR_TX_ABRT);
        return I2C_FAILED;
    }
    if (reading_n == 0)
        return (REG(I2C_STATUS) & (I2C_TFE | I2C_MST_ACTIVITY)) == I2C_TFE ? 0 : I2C_BUSY;
    if (REG(I2C_RXFLR) < reading_n || REG(I2C_STATUS) & I2C_MST_ACTIVITY)
        return I2C_BUSY;
    for (uint8_t i = 0; i < reading_n; i++)
        read[i] = (uint8_t)REG(I2C_DATA_CMD);
    return (int8_t)reading_n;
}
