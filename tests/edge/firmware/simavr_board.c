/* A board with an ATmega328P in simavr: its image, the converter beside it, and true motion on its pins.

     simavr_board IMAGE.hex STIMULI OUT HX711_DATA HX711_CLOCK [EDITION R2]

   EDITION: of the boot loader that goes before each start, Optiboot's word at the end of flash (0x0404); none: the
   image is all there is. R2: what happens to be in that register, where the edition does not hand the flags on in it.
   simavr is free software under the GPL 3: it runs here in a process of its own, and is no part of Plumbline. */
#include <simavr/avr_eeprom.h>
#include <simavr/avr_ioport.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_hex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ATmega328P data sheet, register summary. */
enum { UCSR0A = 0xc0, U2X0 = 2, UBRR0L = 0xc4, UBRR0H = 0xc5, R2 = 2, MCUSR = 0x54, RAM = 0x100 };
enum { PORF = 1, EXTRF = 2, WDRF = 8 };

enum kind { EDGE = 1, READING = 2, HOME = 4, RESET = 5, SHORT = 6 };

struct stimulus {
    uint32_t t_us;
    uint8_t kind, channel;
    uint16_t unused;
    int32_t value;
};

static struct {
    avr_t *avr;
    struct stimulus *stimulus;
    long n, next;
    FILE *out;
    int data, clock, bit, high, shorted, lines, home;
    uint32_t value;
    uint64_t slept, spoke;
    uint64_t clock_rose, clock_high; /* the converter's: when, and the longest */
    int hung; /* 1: to hang from now on; 2: hanging, at `at`, where `was` stood */
    int deaf; /* then no interrupt comes */
    avr_flashaddr_t at;
    uint8_t was[2];
    int edition, r2;
    int reset, forgets; /* what is to reset it: PORF, EXTRF; whether its memory does not last */
} b;

static void pin(int number, int value)
{
    avr_raise_irq(avr_io_getirq(b.avr, AVR_IOCTL_IOPORT_GETIRQ('D'), number), value);
}

/* The port's own pull-ups must not win over what drives the lines, nor over a short or a closed switch on D6. */
static void drive(void)
{
    avr_ioport_external_t drive = {
        .name = 'D', .mask = 12 | b.home << 6 | b.shorted << b.data, .value = b.lines << 2};
    avr_ioctl(b.avr, AVR_IOCTL_IOPORT_SET_EXTERNAL('D'), &drive);
}

static void lines(int value)
{
    b.lines = value;
    drive();
    pin(2, value & 1);
    pin(3, value >> 1);
}

static void data(int high)
{
    b.high = high;
    pin(b.data, high && !b.shorted);
}

static avr_cycle_count_t happen(avr_t *avr, avr_cycle_count_t when, void *param)
{
    (void)when;
    (void)param;
    while (b.next < b.n && (avr_cycle_count_t)b.stimulus[b.next].t_us * 16 <= avr->cycle) {
        const struct stimulus *s = &b.stimulus[b.next++];
        if (s->kind == EDGE)
            lines(s->value);
        else if (s->kind == HOME) {
            b.home = s->value;
            drive();
            pin(6, !s->value);
        } else if (s->kind == RESET && (s->value == 1 || s->value == 4)) {
            b.hung = 1;
            b.deaf = s->value == 4;
        } else if (s->kind == RESET) {
            b.reset = s->value == 2 ? EXTRF : PORF;
            b.forgets = s->value == 0;
        } else if (s->kind == SHORT) {
            b.shorted = s->value;
            drive();
            data(b.high);
        }
        else if (s->kind == READING && b.bit <= 0) {
            b.value = s->value & 0xffffff;
            b.bit = 0;
            data(0);
        }
    }
    return b.next < b.n ? (avr_cycle_count_t)b.stimulus[b.next].t_us * 16 : 0;
}

/* The chip was reset, for this reason; what a boot loader leaves of that. Up to 4.5 it clears the flags; then it hands
   them on in r2, after a reset by the pin its own watchdog's; from 8 on it clears that alone (optiboot.c of each). */
static void started(int flags)
{
    b.avr->data[R2] = b.r2;
    b.avr->data[MCUSR] = b.edition && b.edition < 0x800 ? 0 : flags;
    if (b.edition >= 0x406)
        b.avr->data[R2] = flags != EXTRF ? flags : b.edition < 0x800 ? WDRF : EXTRF | WDRF;
    b.reset = 0;
    drive();
    data(1);
    b.bit = -1;
    if (b.next < b.n)
        avr_cycle_timer_register(b.avr, (avr_cycle_count_t)b.stimulus[b.next].t_us * 16 - b.avr->cycle, happen, NULL);
}

/* The converter: its data falls when a reading is ready; 24 clocks shift it out, the 25th ends it. */
static void clocked(struct avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    (void)param;
    if (value)
        b.clock_rose = b.avr->cycle;
    else if (b.clock_rose && b.avr->cycle - b.clock_rose > b.clock_high)
        b.clock_high = b.avr->cycle - b.clock_rose;
    if (!value || b.bit < 0)
        return;
    if (b.bit < 24) {
        data(b.value >> (23 - b.bit++) & 1);
    } else {
        b.bit = -1;
        data(1);
    }
}

static void sent(struct avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    (void)param;
    if (b.avr->cycle - b.spoke > 16000) /* a piece of its own after a silent millisecond */
        printf("%s[%.6f, %ld]", ftell(b.out) ? ", " : "", (double)b.avr->cycle / 16e6, ftell(b.out));
    b.spoke = b.avr->cycle;
    fputc((int)value, b.out);
}

static void no_sleep(avr_t *avr, avr_cycle_count_t how_long)
{
    (void)avr;
    b.slept += how_long;
}

int main(int argc, char **argv)
{
    uint32_t size = 0, start = 0;
    if (argc < 6)
        return 2;
    FILE *file = fopen(argv[2], "rb");
    fseek(file, 0, SEEK_END);
    b.n = ftell(file) / (long)sizeof *b.stimulus;
    rewind(file);
    b.stimulus = malloc(b.n * sizeof *b.stimulus + 1);
    if (fread(b.stimulus, sizeof *b.stimulus, b.n, file) != (size_t)b.n)
        return 1;
    b.out = fopen(argv[3], "wb");
    b.data = atoi(argv[4]);
    b.clock = atoi(argv[5]);
    b.bit = -1;
    b.avr = avr_make_mcu_by_name("atmega328p");
    avr_init(b.avr);
    b.avr->frequency = 16000000;
    b.avr->log = LOG_ERROR;
    b.avr->sleep = no_sleep;
    ihex_chunk_p chunk = NULL;
    int chunks = read_ihex_chunks(argv[1], &chunk);
    for (int i = 0; i < chunks; i++) {
        memcpy(b.avr->flash + chunk[i].baseaddr, chunk[i].data, chunk[i].size);
        size += chunk[i].size;
    }
    (void)start;
    b.avr->codeend = b.avr->flashend;
    if (argc > 7) {
        b.edition = strtol(argv[6], NULL, 0);
        b.r2 = strtol(argv[7], NULL, 0);
        b.avr->flash[b.avr->flashend - 1] = b.edition & 255;
        b.avr->flash[b.avr->flashend] = b.edition >> 8;
    }
    uint32_t flags = 0;
    avr_ioctl(b.avr, AVR_IOCTL_UART_GET_FLAGS('0'), &flags);
    flags &= ~AVR_UART_FLAG_STDIO;
    avr_ioctl(b.avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    avr_irq_register_notify(avr_io_getirq(b.avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), sent, NULL);
    avr_irq_register_notify(avr_io_getirq(b.avr, AVR_IOCTL_IOPORT_GETIRQ('D'), b.clock), clocked, NULL);
    happen(b.avr, 0, NULL);
    started(PORF);
    printf("{\"pieces\": [");
    avr_cycle_count_t end = b.n ? (avr_cycle_count_t)b.stimulus[b.n - 1].t_us * 16 : 0;
    int state = cpu_Running;
    while (b.avr->cycle < end && state != cpu_Done && state != cpu_Crashed) {
        if (b.hung == 1 && state == cpu_Running && b.avr->sreg[S_I]) {
            static const uint8_t FOR_EVER[2] = {0xff, 0xcf}; /* rjmp to itself */
            b.at = b.avr->pc;
            memcpy(b.was, b.avr->flash + b.at, 2);
            memcpy(b.avr->flash + b.at, FOR_EVER, 2);
            b.avr->sreg[S_I] = !b.deaf;
            b.hung = 2;
        } else if (b.hung == 2 && b.avr->pc == 0) {
            memcpy(b.avr->flash + b.at, b.was, 2);
            b.hung = 0;
            started(WDRF);
        } else if (b.reset) {
            avr_cycle_count_t now = b.avr->cycle;
            if (b.forgets)
                memset(b.avr->data + RAM, 0xa5, b.avr->ramend + 1 - RAM);
            avr_reset(b.avr);
            b.avr->cycle = now;
            started(b.reset);
        }
        state = avr_run(b.avr);
    }
    fclose(b.out);
    int divisor = (b.avr->data[UBRR0H] << 8 | b.avr->data[UBRR0L]) + 1, oversampling = b.avr->data[UCSR0A] & U2X0 ? 8 : 16;
    printf("], \"state\": %d, \"seconds\": %.3f, \"asleep\": %.3f, \"baud\": %.0f, \"clock_high_us\": %.2f}\n", state,
           (double)b.avr->cycle / 16e6, (double)b.slept / (double)b.avr->cycle, 16e6 / oversampling / divisor,
           (double)b.clock_high / 16.0);
    return 0;
}
