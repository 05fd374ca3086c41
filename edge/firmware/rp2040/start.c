/* From reset to the loop. */
#include "board.h"
#include "default_configuration.h"
#include "hal.h"
#include "parts.h"

#define CONFIGURATION ((const struct configuration *)0x101ff000)

extern uint32_t data_start[], data_end[], data_load[], bss_start[], bss_end[], stack_top[];

void usb_irq(void);
void pio1_irq(void);
void io_bank0_irq(void);
void uart0_irq(void);
void timer0_irq(void);

static void stop(void)
{
    for (;;) /* the watchdog restarts the board, and that is counted and said */
        ;
}

void reset(void)
{
    for (uint32_t *to = data_start, *from = data_load; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;)
        *to++ = 0;
    clocks_start();
    const struct configuration *configuration = CONFIGURATION;
    if (!configuration_is_valid(configuration))
        configuration = (const struct configuration *)&DEFAULT_CONFIGURATION;
    hal_start(configuration);
    board_start(configuration);
    for (;;)
        hal_idle_until(board_step());
}

__attribute__((section(".vectors"), used)) static void *const vectors[16 + 26] = {
    [0] = stack_top,
    [1] = (void *)reset,
    [2] = (void *)stop,
    [3] = (void *)stop,
    [11] = (void *)stop,
    [14] = (void *)stop,
    [15] = (void *)stop,
    [16 + IRQ_TIMER_0] = (void *)timer0_irq,
    [16 + IRQ_USB] = (void *)usb_irq,
    [16 + IRQ_PIO1_0] = (void *)pio1_irq,
    [16 + IRQ_IO_BANK0] = (void *)io_bank0_irq,
    [16 + IRQ_UART0] = (void *)uart0_irq,
};
