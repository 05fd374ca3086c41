/* HX711: a PIO state machine clocks each reading out as soon as it is ready. */
#include "hal.h"
#include "parts.h"
#include "programs.h"

#define QUEUE 8
#define READ_OUT_US 77 /* from ready to the push: cycles of hx711.pio */
#define LINE_BEFORE (1u << 25)
#define LINE_AFTER 1u
#define NO_CHANNEL 255

static struct {
    volatile struct reading reading[QUEUE];
    volatile uint8_t first, n;
} queue[MAX_CHANNELS];

static uint8_t channel_of[4] = {NO_CHANNEL, NO_CHANNEL, NO_CHANNEL, NO_CHANNEL};
static uint8_t ready_channel = NO_CHANNEL, ready_pin;

static void put(uint8_t channel, int32_t counts, uint32_t t_us)
{
    if (queue[channel].n == QUEUE)
        return; /* nobody takes them: the board hangs, and the watchdog will say so */
    uint8_t slot = (queue[channel].first + queue[channel].n) % QUEUE;
    queue[channel].reading[slot].counts = counts;
    queue[channel].reading[slot].t_us = t_us;
    queue[channel].n++;
}

void converter_start(uint8_t channel, uint8_t machine, uint8_t data, uint8_t clock)
{
    channel_of[machine] = channel;
    pin_start(data, FUNCTION_PIO1, true); /* unplugged it is high: never ready */
    pin_start(clock, FUNCTION_PIO1, false);
    REG(PIO1 + PIO_SM_CLKDIV(machine)) = SYS_HZ / 1000000u << 16;
    REG(PIO1 + PIO_SM_EXECCTRL(machine)) = (HX711_LENGTH - 1) << 12;
    REG(PIO1 + PIO_SM_SHIFTCTRL(machine)) = 1u << 31;
    REG(PIO1 + PIO_SM_PINCTRL(machine)) = 1u << 29 | 1u << 26 | (uint32_t)data << 15 | (uint32_t)clock << 10 | (uint32_t)clock << 5;
    REG(PIO1 + PIO_SM_INSTR(machine)) = 0xe081; /* set pindirs, 1: the clock is an output */
    REG(PIO1 + PIO_SM_INSTR(machine)) = 0x0000; /* jmp 0 */
}

void converters_run(uint8_t machines)
{
    for (uint8_t i = 0; i < HX711_LENGTH; i++)
        REG(PIO1 + PIO_INSTR_MEM(i)) = HX711[i];
    REG(PIO1 + PIO_IRQ0_INTE) = (1u << machines) - 1; /* something was received */
    irq_enable(IRQ_PIO1_0);
    REG(PIO1 + PIO_CTRL) = (1u << machines) - 1;
}

void pio1_irq(void)
{
    uint32_t now_us = REG(TIMER_RAWL);
    for (uint8_t machine = 0; machine < 4; machine++)
        while (!(REG(PIO1 + PIO_FSTAT) >> (8 + machine) & 1)) {
            uint32_t raw = REG(PIO1 + PIO_RXF(machine));
            bool whole = (raw & (LINE_BEFORE | LINE_AFTER)) == LINE_AFTER;
            if (channel_of[machine] != NO_CHANNEL)
                put(channel_of[machine], whole ? (int32_t)(raw << 7) >> 8 : NO_VALUE, now_us - READ_OUT_US);
        }
}

void ready_start(uint8_t channel, uint8_t pin)
{
    ready_channel = channel;
    ready_pin = pin;
    pin_start(pin, FUNCTION_SIO, false);
    REG(PAD(pin)) = PAD_INPUT | PAD_PULL_DOWN; /* unplugged it is low: never ready */
    REG(GPIO_INTR(pin)) = GPIO_EDGE_HIGH(pin);
    SET_BITS(GPIO_INTE(pin)) = GPIO_EDGE_HIGH(pin);
    irq_enable(IRQ_IO_BANK0);
}

void io_bank0_irq(void)
{
    uint32_t now_us = REG(TIMER_RAWL);
    REG(GPIO_INTR(ready_pin)) = GPIO_EDGE_HIGH(ready_pin);
    queue[ready_channel].n = 0; /* the registers hold the newest alone */
    put(ready_channel, 0, now_us);
}

bool hal_reading(uint8_t channel, struct reading *reading)
{
    if (queue[channel].n == 0)
        return false;
    uint32_t before = interrupts_off();
    reading->counts = queue[channel].reading[queue[channel].first].counts;
    reading->t_us = queue[channel].reading[queue[channel].first].t_us;
    queue[channel].first = (queue[channel].first + 1) % QUEUE;
    queue[channel].n--;
    interrupts_as(before);
    return true;
}
