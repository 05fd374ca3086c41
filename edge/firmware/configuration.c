#include "configuration.h"

#include "frame.h"
#include "hal.h"

bool configuration_is_valid(const struct configuration *c)
{
    uint8_t encoders = 0;
    if (c->magic != CONFIGURATION_MAGIC || c->channels < 1 || c->channels > MAX_CHANNELS)
        return false;
    uint16_t bytes = sizeof *c + c->channels * sizeof c->channel[0];
    if (c->bytes != bytes + 4 || c->frame_ms < 1 || c->frame_ms > 100)
        return false;
    const uint8_t *end = (const uint8_t *)c + bytes;
    uint32_t crc = end[0] | (uint32_t)end[1] << 8 | (uint32_t)end[2] << 16 | (uint32_t)end[3] << 24;
    if (crc32_of((const uint8_t *)c, bytes) != crc)
        return false;
    for (uint8_t i = 0; i < c->channels; i++) {
        const struct channel_configuration *channel = &c->channel[i];
        uint32_t least_us = 1000ul * c->frame_ms / MAX_SAMPLES;
        if (channel->width < 2 || channel->width > 4 || channel->period_us <= least_us)
            return false;
        encoders += channel->sensor == SENSOR_ENCODER;
    }
    return encoders <= MAX_ENCODERS;
}
