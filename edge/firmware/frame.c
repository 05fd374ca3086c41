#include "frame.h"

#include "hal.h"

#define EDITION 2
#define CRC_BYTES 4

static struct {
    uint8_t raw[FRAME_BYTES];
    uint16_t n;
    uint16_t seq;
    uint32_t boot_id;
    uint32_t dropped;
    uint16_t reserve; /* of a line's room, that no data takes: what is dropped must still be said */
} frame;

/* Half a byte at a time: 64 bytes of table, for a processor that has 2048 in all. */
static const uint32_t CRC_TABLE[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

uint32_t crc32_of(const uint8_t *bytes, uint16_t n)
{
    uint32_t crc = 0xffffffff;
    while (n--) {
        crc = crc >> 4 ^ CRC_TABLE[(crc ^ *bytes) & 15];
        crc = crc >> 4 ^ CRC_TABLE[(crc ^ *bytes >> 4) & 15];
        bytes++;
    }
    return ~crc;
}

void frame_start(uint32_t boot_id, uint16_t reserve)
{
    frame.reserve = reserve;
    frame.boot_id = boot_id;
    frame.seq = 0;
    frame.dropped = 0;
    /* A zero byte ends what was cut off by the restart. */
    if (hal_line_open(1, 0)) {
        hal_line_byte(0);
        hal_line_close();
    }
}

void frame_begin(enum frame_type type, uint32_t t_us)
{
    frame.n = 0;
    frame_u8(EDITION);
    frame_u8(type);
    frame_u16(frame.seq++);
    frame_u32(frame.boot_id);
    frame_u32(t_us);
}

void frame_u8(uint8_t value)
{
    frame.raw[frame.n++] = value;
}

void frame_u16(uint16_t value)
{
    frame_u8(value);
    frame_u8(value >> 8);
}

void frame_u32(uint32_t value)
{
    frame_u16(value);
    frame_u16(value >> 16);
}

void frame_bytes(const void *bytes, uint8_t n)
{
    const uint8_t *p = bytes;
    while (n--)
        frame_u8(*p++);
}

void frame_counts(int32_t counts, uint8_t width)
{
    while (width--) {
        frame_u8(counts);
        counts >>= 8;
    }
}

uint16_t frame_room(void)
{
    return FRAME_BYTES - CRC_BYTES - frame.n;
}

void frame_send(void)
{
    frame_u32(crc32_of(frame.raw, frame.n));
    if (!hal_line_open(frame.n + frame.n / 254 + 2, frame.raw[1] == FRAME_DATA ? frame.reserve : 0))
        frame.dropped++;
    /* Consistent overhead byte stuffing (Cheshire and Baker 1999). */
    uint16_t start = 0;
    for (;;) {
        uint16_t end = start;
        while (end < frame.n && end - start < 254 && frame.raw[end] != 0)
            end++;
        hal_line_byte(end - start + 1);
        for (uint16_t i = start; i < end; i++)
            hal_line_byte(frame.raw[i]);
        if (end == frame.n && end - start < 254)
            break;
        start = end - start == 254 ? end : end + 1;
    }
    hal_line_byte(0);
    hal_line_close();
}

uint32_t frames_dropped(void)
{
    return frame.dropped;
}
