#include "hal.h"

#include "parts.h"

#define WATCHDOG_US 250000u
/* Its time also runs out where the boot ROM leaves its disk after a copy; the ROM writes over this word before. */
#define OUR_WATCHDOG 0x504c4244u

static struct kept kept __attribute__((section(".noinit")));
static uint32_t idle_us;
static uint8_t home_pin[MAX_CHANNELS];
static enum start reason;

void hal_start(const struct configuration *configuration)
{
    uint8_t encoders = 0, machines = 0;
    uint32_t why = REG(WATCHDOG_REASON), chip = REG(CHIP_RESET);
    bool asked = why != 0 || (chip & HAD_RUN && !(chip & HAD_POR));
    reason = why & 1 && REG(WATCHDOG_SCRATCH4) == OUR_WATCHDOG ? START_WATCHDOG : asked ? START_ASKED : START_SWITCHED_ON;
    unreset(RESET_DMA | RESET_PIO0 | RESET_PIO1);
    REG(PIO0 + PIO_CTRL) = 0;
    REG(PIO1 + PIO_CTRL) = 0;
    for (uint8_t i = 0; i < configuration->channels; i++) {
        const struct channel_configuration *c = &configuration->channel[i];
        home_pin[i] = NO_PIN;
        switch (c->sensor) {
        case SENSOR_ENCODER:
            encoder_start(i, encoders++, c->pins[0]);
            home_pin[i] = c->pins[2];
            if (home_pin[i] != NO_PIN)
                pin_start(home_pin[i], FUNCTION_SIO, true);
            break;
        case SENSOR_HX711:
            converter_start(i, machines++, c->pins[0], c->pins[1]);
            break;
        case SENSOR_NAU7802:
            ready_start(i, c->pins[2]);
            i2c_start(c->pins[0], c->pins[1]);
            break;
        default:
            i2c_start(c->pins[0], c->pins[1]);
        }
    }
    if (encoders)
        encoders_run(encoders);
    if (machines)
        converters_run(machines);
    line_start(configuration->baud);
    usb_start(configuration->serial);
    REG(TIMER_INTE) = 1;
    irq_enable(IRQ_TIMER_0);
    REG(PSM_WDSEL) = 0x1fffc; /* everything but the oscillators */
    hal_alive();
    REG(WATCHDOG_SCRATCH4) = OUR_WATCHDOG;
    REG(WATCHDOG_CTRL) = 1u << 30;
}

enum start hal_start_reason(void)
{
    return reason;
}

struct kept *hal_kept(void)
{
    return &kept;
}

uint32_t hal_random(void)
{
    uint32_t bits = REG(TIMER_RAWL);
    for (uint8_t i = 0; i < 64; i++) /* the ring oscillator's phase; two of its bits for one of ours */
        bits = bits << 1 ^ bits >> 31 ^ (REG(ROSC_RANDOMBIT) & 1);
    return bits;
}

uint32_t hal_now_us(void)
{
    return REG(TIMER_RAWL);
}

void timer0_irq(void)
{
    REG(TIMER_INTR) = 1; /* it has done its work: to wake */
}

void hal_idle_until(uint32_t t_us)
{
    uint32_t before = interrupts_off();
    uint32_t now_us = REG(TIMER_RAWL);
    REG(TIMER_ALARM0) = t_us;
    /* An alarm that is set too late would come in 71 minutes. What interrupts wakes the processor all the same. */
    if ((int32_t)(t_us - REG(TIMER_RAWL)) > 0)
        __asm volatile("wfi");
    idle_us += REG(TIMER_RAWL) - now_us;
    interrupts_as(before);
}

uint32_t hal_idle_us(void)
{
    return idle_us;
}

void hal_alive(void)
{
    REG(WATCHDOG_LOAD) = 2 * WATCHDOG_US; /* it counts by two: erratum RP2040-E1 */
}

bool hal_home_switch(uint8_t channel)
{
    return home_pin[channel] != NO_PIN && !(REG(GPIO_IN) >> home_pin[channel] & 1); /* closed to ground */
}
