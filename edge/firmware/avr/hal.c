/* An ATmega328P at 16 MHz (Arduino Nano): one encoder on D2 and D3, one HX711, the serial line. */
#include "hal.h"

#include <avr/eeprom.h>
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <avr/sleep.h>
#include <avr/wdt.h>
#include <string.h>
#include <util/atomic.h>

#include "board.h"
#include "default_configuration.h"
#include "i2c_sensors.h"

#define CONFIGURATION_AT 0x7000
#define TICKS_PER_US 2
#define EDGE_LATENCY 5 /* ticks from a change of a line to its stamp: cycles of the interrupt's entry */
#define READY_LATENCY_US 3
#define COPY_1 "ld r0, Z+\n st X+, r0\n "
#define COPY_5 COPY_1 COPY_1 COPY_1 COPY_1 COPY_1
#define RING 512
#define SNAPSHOTS 4
#define NONE 255
#define LINES (_BV(PD2) | _BV(PD3))
#define EDITION_AT 0x7ffe /* Optiboot's: minor, major */
#define KEPT 0x504c4244ul
#define STRUCK 0x5742
#define STRIKES_SOON 6 /* overflows without hal_alive: 164 to 197 ms, of the 250 */

/* Time: timer 1 in half microseconds, what its overflows have added up to, and their number. */
static volatile uint32_t base_us;
static volatile uint8_t overflows;

static uint8_t configuration_bytes[sizeof(struct configuration) + MAX_CHANNELS * sizeof(struct channel_configuration) + 4];

/* Half microseconds modulo 8 s. */
struct instant {
    uint16_t ticks;
    uint8_t overflows;
};

/* The encoder as the edges' interrupt keeps it: what struct quadrature holds, in so few bytes that an edge takes a
   third of the 20 us to the next one at 50 000 a second. `lines` are D3 and D2 where they stand in their port. */
struct edges {
    uint8_t lines;
    int8_t step;
    uint8_t run;
    uint8_t missed;
    uint8_t quiet; /* overflows since the newest edge; 255: its time is too long ago to be known */
    int16_t count;
    struct instant edge, cycle, at[4];
};

static struct edges live;
static struct snapshot {
    struct edges edges;
    uint16_t due; /* ticks of the sample */
} snapshot[SNAPSHOTS];
static volatile uint8_t snapshot_first, snapshot_n;
static uint16_t period_ticks = 2000 * TICKS_PER_US;
static bool aligned;
static uint8_t home_pin = NONE;

/* The converter. */
static uint8_t data_pin = NONE, clock_pin;
static volatile bool ready;
static volatile uint32_t ready_us;

static uint8_t ring[RING];
static volatile uint16_t ring_head, ring_tail;
static uint16_t ring_writing;
static bool ring_open;

static uint32_t idle_us;
static struct kept kept __attribute__((section(".noinit")));
static uint8_t reset_flags __attribute__((section(".noinit")));
/* Where a boot loader has cleared the flags RAM tells: that it was kept, and that our own watchdog, not the loader's,
   was about to strike. */
static uint32_t has_kept __attribute__((section(".noinit")));
static volatile uint16_t struck __attribute__((section(".noinit")));
static volatile uint8_t since_alive; /* overflows */
static enum start reason;

/* Before anything else: a watchdog that has struck stays on. From 4.6 on Optiboot hands the flags on in r2
   (optiboot.c); before, r2 is whatever it was. It leaves itself by the watchdog: which one it was they do not say. */
void early(void) __attribute__((naked, used, section(".init3")));
void early(void)
{
    uint8_t handed_on;
    __asm volatile("mov %0, r2" : "=r"(handed_on));
    uint16_t edition = pgm_read_word(EDITION_AT);
    reset_flags = MCUSR;
    if (reset_flags == 0 && edition >= 0x0406 && edition < 0x1000)
        reset_flags = handed_on & ~_BV(WDRF);
    MCUSR = 0;
    wdt_disable();
}

static inline __attribute__((always_inline)) uint32_t now_in_interrupt(void)
{
    uint16_t ticks = TCNT1;
    uint32_t us = base_us;
    if ((TIFR1 & _BV(TOV1)) && ticks < 0x8000)
        us += 0x10000 / TICKS_PER_US;
    return us + ticks / TICKS_PER_US;
}

ISR(TIMER1_OVF_vect)
{
    base_us += 0x10000 / TICKS_PER_US;
    overflows++;
    if (++since_alive == STRIKES_SOON)
        struck = STRUCK;
    if (live.quiet != 255)
        live.quiet++;
}

/* quadrature_edge() of quadrature.h, in fewer cycles. */
ISR(INT0_vect)
{
    uint16_t ticks = TCNT1;
    uint8_t over = overflows;
    uint8_t lines = PIND & LINES, changed = lines ^ live.lines;
    if (changed == 0)
        return;
    if ((TIFR1 & _BV(TOV1)) && !(ticks & 0x8000))
        over++;
    if (changed == LINES) {
        live.missed += 2;
        live.run = 0;
        live.lines = lines;
        return;
    }
    int8_t step = ((live.lines >> 1) ^ lines) & _BV(PD2) ? 1 : -1;
    live.lines = lines;
    if (step != live.step) {
        live.step = step;
        live.run = 0;
    } else if (live.run != 255) {
        live.run++;
    }
    int16_t count = live.count + step;
    live.count = count;
    struct instant *at = &live.at[count & 3];
    live.cycle = *at;
    at->ticks = live.edge.ticks = ticks;
    at->overflows = live.edge.overflows = over;
    live.quiet = 0;
}

ISR(INT1_vect, ISR_ALIASOF(INT0_vect));

/* A sample is due: keep what the encoder is now, for whenever the loop comes round. */
ISR(TIMER1_COMPA_vect)
{
    uint16_t due = OCR1A;
    OCR1A = due + period_ticks;
    if (snapshot_n < SNAPSHOTS) {
        struct snapshot *s = &snapshot[(snapshot_first + snapshot_n++) % SNAPSHOTS];
        /* A copy without a loop, four cycles a byte, not seven: an edge must not wait until the next comes. */
        const struct edges *from = &live;
        struct edges *to = &s->edges;
        _Static_assert(sizeof live == 25, "as many bytes as are copied here");
        __asm volatile(COPY_5 COPY_5 COPY_5 COPY_5 COPY_5 : "+z"(from), "+x"(to)::"memory");
        s->due = due;
    }
}

ISR(PCINT2_vect)
{
    if (!(PIND & _BV(data_pin)) && !ready) {
        ready_us = now_in_interrupt() - READY_LATENCY_US;
        ready = true;
    }
}

ISR(USART_UDRE_vect)
{
    uint16_t tail = ring_tail;
    UDR0 = ring[tail];
    tail = (tail + 1) % RING;
    ring_tail = tail;
    if (tail == ring_head)
        UCSR0B &= ~_BV(UDRIE0);
}

static uint32_t boots(void)
{
    uint32_t n = eeprom_read_dword((uint32_t *)0) + 1;
    eeprom_update_dword((uint32_t *)0, n);
    return n;
}

uint32_t hal_random(void)
{
    /* No noise here that deserves the name: every start has another number, spread (Knuth's multiplier). */
    return boots() * 2654435761ul ^ 0x5bd1e995ul;
}

void hal_start(const struct configuration *configuration)
{
    reason = reset_flags & _BV(PORF) || has_kept != KEPT   ? START_SWITCHED_ON
             : reset_flags & _BV(WDRF) || struck == STRUCK ? START_WATCHDOG
                                                           : START_ASKED;
    has_kept = KEPT;
    TCCR1A = 0;
    TCCR1B = _BV(CS11); /* 2 MHz */
    OCR1A = TCNT1 + period_ticks;
    TIMSK1 = _BV(TOIE1) | _BV(OCIE1A);
    for (uint8_t i = 0; i < configuration->channels; i++) {
        const struct channel_configuration *c = &configuration->channel[i];
        if (c->sensor == SENSOR_ENCODER) {
            PORTD |= _BV(PD2) | _BV(PD3);
            period_ticks = c->period_us * TICKS_PER_US;
            home_pin = c->pins[2];
            if (home_pin != NO_PIN && home_pin < 8)
                PORTD |= _BV(home_pin);
            EICRA = _BV(ISC00) | _BV(ISC10); /* either way */
            EIFR = _BV(INTF0) | _BV(INTF1);
            live.lines = PIND & LINES;
            EIMSK = _BV(INT0) | _BV(INT1);
        } else if (c->sensor == SENSOR_HX711) {
            data_pin = c->pins[0];
            clock_pin = c->pins[1];
            DDRD |= _BV(clock_pin);
            PORTD |= _BV(data_pin); /* unplugged it is high: never ready */
            PCMSK2 = _BV(data_pin);
            PCICR = _BV(PCIE2);
        }
    }
    uint16_t divisor = (F_CPU / 8 + configuration->baud / 2) / configuration->baud - 1;
    UCSR0A = _BV(U2X0);
    UBRR0 = divisor;
    UCSR0B = _BV(TXEN0);
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    set_sleep_mode(SLEEP_MODE_IDLE);
    wdt_enable(WDTO_250MS);
    sei();
}

enum start hal_start_reason(void)
{
    return reason;
}

struct kept *hal_kept(void)
{
    return &kept;
}

uint32_t hal_now_us(void)
{
    uint32_t us;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        us = now_in_interrupt();
    }
    return us;
}

void hal_idle_until(uint32_t t_us)
{
    (void)t_us; /* the samples' timer comes every few milliseconds, whatever is due then */
    uint32_t before_us = hal_now_us();
    cli();
    if (!aligned)
        snapshot_n = 0; /* nobody takes them: there is no encoder, or its first sample is still to come */
    while (!ready && snapshot_n == 0) { /* an edge or a byte that was sent is no reason to stay awake */
        sleep_enable();
        sei();
        sleep_cpu();
        sleep_disable();
        cli();
    }
    sei();
    idle_us += hal_now_us() - before_us;
}

uint32_t hal_idle_us(void)
{
    return idle_us;
}

void hal_alive(void)
{
    wdt_reset();
    since_alive = 0;
    struck = 0;
}

uint8_t hal_encoder_pins(uint8_t channel)
{
    (void)channel;
    return live.lines >> PD2;
}

/* How long before the sample an edge was, in ticks of 24 bits. */
static uint32_t age_ticks(const struct instant *edge, uint16_t due, uint8_t due_overflows)
{
    uint32_t ticks = ((uint32_t)(uint8_t)(due_overflows - edge->overflows) << 16) + due - edge->ticks;
    return (ticks + EDGE_LATENCY) & 0xffffff;
}

void hal_encoder_until(uint8_t channel, uint32_t t_us, struct quadrature *q)
{
    static int16_t counted; /* of the interrupt's count, so far */
    static uint8_t missed;
    struct edges e;
    uint16_t due;
    uint8_t over;
    bool found = false, first = !aligned;
    (void)channel;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        int32_t since_us = t_us - base_us; /* below 0 where the timer has overflowed meanwhile */
        over = overflows + (int8_t)(since_us >> 15);
        due = (uint16_t)since_us * TICKS_PER_US;
        if (!aligned) {
            /* From now on the timer keeps the samples' times by itself. */
            aligned = true;
            snapshot_n = 0;
            OCR1A = due + period_ticks;
            TIFR1 = _BV(OCF1A);
        }
    }
    /* What is kept stays where it is until it is given back, so that no edge waits for a copy. */
    while (snapshot_n && (int16_t)(snapshot[snapshot_first].due - due) <= 0 && !found) {
        found = snapshot[snapshot_first].due == due;
        if (found)
            e = snapshot[snapshot_first].edges;
        ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
        {
            snapshot_first = (snapshot_first + 1) % SNAPSHOTS;
            snapshot_n--;
        }
    }
    if (!found)
        ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
        {
            e = live;
        }
    if (!found && !first)
        q->missed++; /* its edges are counted, but it is of another moment */
    uint32_t cycle_ticks = (age_ticks(&e.cycle, due, over) - age_ticks(&e.edge, due, over)) & 0xffffff;
    /* Edges that came between the sample's time and its keeping belong to the next. */
    for (uint8_t i = 0; i < 3 && e.quiet < 2 && age_ticks(&e.edge, due, over) & 0x800000; i++) {
        e.count -= e.step;
        e.edge = e.at[e.count & 3];
        e.run -= e.run != 0;
    }
    q->count += (int16_t)(e.count - counted);
    counted = e.count;
    q->missed += (uint8_t)(e.missed - missed);
    missed = e.missed;
    q->step = e.step;
    q->run = e.run;
    q->edge_us = t_us - (e.quiet == 255 ? 8000000ul : age_ticks(&e.edge, due, over) / TICKS_PER_US);
    q->cycle_us = q->edge_us - cycle_ticks / TICKS_PER_US;
}

bool hal_home_switch(uint8_t channel)
{
    (void)channel;
    return home_pin != NO_PIN && home_pin < 8 && !(PIND & _BV(home_pin));
}

/* One pulse, and the data line at its end. A clock that is high for 60 us switches the HX711 off (its data sheet), and
   edges in a row would take as long: no interrupt meanwhile. It makes an edge's stamp half a microsecond late. */
static bool converter_clock(void)
{
    uint8_t low = PORTD & ~_BV(clock_pin), high = low | _BV(clock_pin), pins;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        PORTD = high;
        __asm volatile("nop\n nop\n nop\n nop");
        pins = PIND;
        PORTD = low;
    }
    return pins & _BV(data_pin);
}

bool hal_reading(uint8_t channel, struct reading *reading)
{
    static bool was_low;
    (void)channel;
    bool low = data_pin != NONE && !(PIND & _BV(data_pin)), whole = ready;
    if (ready && !low) {
        ready = false; /* the line shook: no converter takes back that it is ready */
        return false;
    }
    if (!ready && !(low && was_low)) {
        was_low = low;
        return false;
    }
    /* Low and nobody saw it fall: it is held low, or was. Reading it out all the same lets the next one be seen. */
    was_low = false;
    PCICR = 0; /* its data changes while it is read */
    uint32_t raw = 0;
    for (uint8_t i = 0; i < 24; i++)
        raw = raw << 1 | converter_clock();
    /* The 25th: channel A at gain 128; the converter lets go of its line. */
    whole = converter_clock() && whole;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        reading->t_us = whole ? ready_us : now_in_interrupt();
        ready = false;
        PCIFR = _BV(PCIF2);
        PCICR = _BV(PCIE2);
    }
    reading->counts = whole ? (int32_t)(raw << 8) >> 8 : NO_VALUE;
    return true;
}

static uint16_t waiting(void)
{
    uint16_t tail;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        tail = ring_tail;
    }
    return (ring_head - tail) % RING;
}

bool hal_line_open(uint16_t bytes, uint16_t reserve)
{
    ring_writing = ring_head;
    ring_open = RING - 1 - waiting() >= bytes + reserve;
    return ring_open;
}

void hal_line_byte(uint8_t byte)
{
    if (!ring_open)
        return;
    ring[ring_writing] = byte;
    ring_writing = (ring_writing + 1) % RING;
}

void hal_line_close(void)
{
    if (!ring_open)
        return;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        ring_head = ring_writing;
        UCSR0B |= _BV(UDRIE0);
    }
}

/* No sensors on I2C: plumbline board configure refuses them for this processor. */
void i2c_sensors_start(const struct configuration *configuration, uint32_t now_us)
{
    (void)configuration;
    (void)now_us;
}

void i2c_sensors_step(uint32_t now_us)
{
    (void)now_us;
}

bool i2c_reading(uint8_t channel, struct reading *reading)
{
    (void)channel;
    (void)reading;
    return false;
}

int main(void)
{
    const struct configuration *configuration = (const struct configuration *)configuration_bytes;
    memcpy_P(configuration_bytes, (const void *)CONFIGURATION_AT, sizeof configuration_bytes);
    if (!configuration_is_valid(configuration))
        memcpy_P(configuration_bytes, &DEFAULT_CONFIGURATION, sizeof configuration_bytes);
    hal_start(configuration);
    board_start(configuration);
    for (;;)
        hal_idle_until(board_step());
}
