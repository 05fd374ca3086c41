/* Encoders: a PIO state machine sees the edges and stamps them, DMA lays them into a ring, and whoever wants to know
   the count at a time takes the edges up to that time. No interrupt, whatever the rate. */
#include "hal.h"
#include "parts.h"
#include "programs.h"

/* Words: a state machine sees an edge a microsecond at most, and 4 ms of them find room. */
#define RING 4096
#define STAMP_BITS 30

static uint32_t ring[MAX_ENCODERS][RING] __attribute__((section(".rings"), aligned(RING * 4)));

static struct {
    uint8_t encoder_of[MAX_CHANNELS];
    uint8_t pin_a[MAX_ENCODERS];
    uint16_t tail[MAX_ENCODERS];
    uint32_t taken_us[MAX_ENCODERS];
    uint32_t began_us;
} encoders;

void encoder_start(uint8_t channel, uint8_t encoder, uint8_t pin_a)
{
    encoders.encoder_of[channel] = encoder;
    encoders.pin_a[encoder] = pin_a;
    pin_start(pin_a, FUNCTION_PIO0, true);
    pin_start(pin_a + 1, FUNCTION_PIO0, true);
    REG(PIO0 + PIO_SM_CLKDIV(encoder)) = SYS_HZ / 10000000u << 16;
    REG(PIO0 + PIO_SM_EXECCTRL(encoder)) = (EDGES_LENGTH - 1) << 12;
    REG(PIO0 + PIO_SM_SHIFTCTRL(encoder)) = 1u << 31; /* shift left; the whole FIFO receives */
    REG(PIO0 + PIO_SM_PINCTRL(encoder)) = (uint32_t)pin_a << 15;
    REG(PIO0 + PIO_SM_INSTR(encoder)) = 0xa043; /* mov y, null */
    REG(PIO0 + PIO_SM_INSTR(encoder)) = 0xa0e3; /* mov osr, null */
    REG(PIO0 + PIO_SM_INSTR(encoder)) = 0x0000; /* jmp 0 */
    /* Two channels for each: when one has gone once round it lets the other begin, without end. */
    for (uint8_t half = 0; half < 2; half++) {
        uint32_t dma = 2u * encoder + half, other = 2u * encoder + (1 - half);
        REG(DMA_READ_ADDR(dma)) = PIO0 + PIO_RXF(encoder);
        REG(DMA_WRITE_ADDR(dma)) = (uint32_t)(uintptr_t)ring[encoder];
        REG(DMA_TRANS_COUNT(dma)) = RING;
        uint32_t ctrl = 1 | 2u << 2 | 1u << 5 | 14u << 6 | 1u << 10 | other << 11 | (4u + encoder) << 15 | 1u << 21;
        if (half)
            REG(DMA_AL1_CTRL(dma)) = ctrl; /* enabled, not yet begun */
        else
            REG(DMA_CTRL_TRIG(dma)) = ctrl;
    }
}

void encoders_run(uint8_t count)
{
    for (uint8_t i = 0; i < EDGES_LENGTH; i++)
        REG(PIO0 + PIO_INSTR_MEM(i)) = EDGES[i];
    /* Together with the timer; the second time, when nothing of this has to be fetched from flash any more. */
    uint32_t before = 0;
    for (uint8_t round = 0; round < 2; round++) {
        before = REG(TIMER_RAWL);
        while (REG(TIMER_RAWL) == before)
            ;
        REG(PIO0 + PIO_CTRL) = round * ((1u << count) - 1);
    }
    encoders.began_us = before + 1;
    for (uint8_t i = 0; i < count; i++)
        encoders.taken_us[i] = before + 1;
}

uint8_t hal_encoder_pins(uint8_t channel)
{
    return REG(GPIO_IN) >> encoders.pin_a[encoders.encoder_of[channel]] & 3;
}

void hal_encoder_until(uint8_t channel, uint32_t t_us, struct quadrature *q)
{
    uint8_t e = encoders.encoder_of[channel];
    uint32_t dma = REG(DMA_AL1_CTRL(2u * e)) & DMA_BUSY ? 2u * e : 2u * e + 1;
    uint16_t head = (uint16_t)((REG(DMA_WRITE_ADDR(dma)) - (uint32_t)(uintptr_t)ring[e]) / 4) % RING;
    uint16_t tail = encoders.tail[e];
    uint32_t now_us = REG(TIMER_RAWL);
    if (now_us - encoders.taken_us[e] > RING)
        q->missed++; /* how many may have been overwritten nobody can know */
    encoders.taken_us[e] = now_us;
    while (tail != head) {
        uint32_t word = ring[e][tail];
        /* The clock counted down from 0 when the timer was began_us; 30 bits of it: 17 minutes, and this is 4 ms. */
        int32_t after_us = (int32_t)((encoders.began_us - word - t_us) << (32 - STAMP_BITS)) >> (32 - STAMP_BITS);
        if (after_us > 0)
            break;
        quadrature_edge(q, word >> STAMP_BITS, t_us + after_us);
        tail = (tail + 1) % RING;
    }
    encoders.tail[e] = tail;
}
