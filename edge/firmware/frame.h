/* Frames of the serial protocol, edition 2; station/wire.py draws them. */
#ifndef FRAME_H
#define FRAME_H

#include <stdint.h>

enum frame_type { FRAME_HELLO = 1, FRAME_DATA = 2, FRAME_STATUS = 3 };

/* CRC-32 as in zlib. */
uint32_t crc32_of(const uint8_t *bytes, uint16_t n);

/* A frame is begun, filled and sent; there is one at a time. */
void frame_start(uint32_t boot_id, uint16_t reserve);
void frame_begin(enum frame_type type, uint32_t t_us);
void frame_u8(uint8_t value);
void frame_u16(uint16_t value);
void frame_u32(uint32_t value);
void frame_bytes(const void *bytes, uint8_t n);
/* Two's complement in so many bytes. */
void frame_counts(int32_t counts, uint8_t width);
uint16_t frame_room(void);
/* Without waiting: where a line has no room the frame is dropped there. */
void frame_send(void);
uint32_t frames_dropped(void);

#endif
