/* Where frames go: the serial pins and USB, each with a ring of its own; neither waits. */
#include "hal.h"
#include "parts.h"

#define RING 4096

struct line {
    uint8_t bytes[RING];
    volatile uint16_t head, tail;
    uint16_t writing; /* of the frame that is not yet closed */
    bool used, open;
};

static struct line uart, usb;

static uint16_t waiting(const struct line *line)
{
    return (uint16_t)(line->head - line->tail) % RING;
}

void line_start(uint32_t baud)
{
    if (baud == 0)
        return;
    unreset(RESET_UART0);
    pin_start(0, FUNCTION_UART, false);
    pin_start(1, FUNCTION_UART, true);
    uint32_t divisor = (8 * SYS_HZ / baud + 1) / 2; /* in 64ths of 16 times the rate */
    REG(UART_IBRD) = divisor >> 6;
    REG(UART_FBRD) = divisor & 63;
    REG(UART_LCR_H) = 3u << 5 | 1u << 4; /* 8 bits, queues */
    REG(UART_CR) = 1u | 1u << 8;
    uart.used = true;
    irq_enable(IRQ_UART0);
}

static void uart_send(void)
{
    while (waiting(&uart) && !(REG(UART_FR) & UART_FR_TXFF)) {
        REG(UART_DR) = uart.bytes[uart.tail];
        uart.tail = (uart.tail + 1) % RING;
    }
    REG(UART_IMSC) = waiting(&uart) ? UART_TXIM : 0;
}

void uart0_irq(void)
{
    REG(UART_ICR) = UART_TXIM;
    uart_send();
}

static bool open(struct line *line, uint16_t bytes, uint16_t reserve)
{
    line->writing = line->head;
    line->open = line->used && RING - 1 - waiting(line) >= bytes + reserve;
    return line->open || !line->used;
}

bool hal_line_open(uint16_t bytes, uint16_t reserve)
{
    usb.used = usb_has_listener();
    bool all = open(&uart, bytes, reserve);
    return open(&usb, bytes, reserve) && all;
}

static void put(struct line *line, uint8_t byte)
{
    if (!line->open)
        return;
    line->bytes[line->writing] = byte;
    line->writing = (line->writing + 1) % RING;
}

void hal_line_byte(uint8_t byte)
{
    put(&uart, byte);
    put(&usb, byte);
}

void hal_line_close(void)
{
    uint32_t before = interrupts_off();
    if (uart.open) {
        uart.head = uart.writing;
        uart_send();
    }
    if (usb.open) {
        usb.head = usb.writing;
        usb_send();
    }
    interrupts_as(before);
}

uint16_t line_take_usb(uint8_t *bytes, uint16_t most)
{
    uint16_t n = 0;
    while (n < most && waiting(&usb)) {
        bytes[n++] = usb.bytes[usb.tail];
        usb.tail = (usb.tail + 1) % RING;
    }
    return n;
}

void line_forget_usb(void)
{
    usb.tail = usb.head;
    usb.open = false;
}
