#include "board.h"

#include <string.h>

#include "frame.h"
#include "hal.h"
#include "i2c_sensors.h"
#include "version.h"

#define SECOND_US 1000000ul
#define LATE_PERIODS 4 /* a converter that has been silent for so long has missed a reading */

enum zero { ZERO_FIXED = 0, ZERO_SWITCH_ON = 1, ZERO_KEPT = 2, ZERO_HOME = 3 };

struct channel {
    uint8_t encoder; /* which of the encoders it is */
    uint8_t zero;
    uint8_t count; /* of samples that wait to be sent */
    uint32_t newest_us; /* converter: of what it said last, whether it was taken or not */
    uint32_t due_us; /* encoder, tilt: the next sample; converter: when a reading is late */
    uint32_t missed;
    uint32_t t_us[MAX_SAMPLES];
    int32_t counts[MAX_SAMPLES];
};

static struct {
    const struct configuration *configuration;
    struct channel channel[MAX_CHANNELS];
    struct quadrature encoder[MAX_ENCODERS];
    uint32_t frame_us, hello_us, status_us; /* when the next is due */
    uint32_t idle_us;                       /* slept, at the last status */
    bool started;
} board;

static bool is_due(uint32_t due_us, uint32_t now_us)
{
    return (int32_t)(now_us - due_us) >= 0;
}

static uint32_t check_of(const struct kept *kept)
{
    return crc32_of((const uint8_t *)kept, (uint16_t)((const uint8_t *)&kept->check - (const uint8_t *)kept));
}

static void keep(void)
{
    struct kept *kept = hal_kept();
    for (uint8_t i = 0; i < MAX_ENCODERS; i++)
        kept->count[i] = board.encoder[i].count;
    kept->check = check_of(kept);
}

static void take(struct channel *channel, int32_t counts, uint32_t t_us)
{
    if (channel->count == MAX_SAMPLES) {
        channel->missed++;
        return;
    }
    channel->t_us[channel->count] = t_us;
    channel->counts[channel->count++] = counts;
}

void board_start(const struct configuration *configuration)
{
    struct kept *kept = hal_kept();
    bool known = hal_start_reason() != START_SWITCHED_ON && kept->check == check_of(kept);
    memset(&board, 0, sizeof board);
    board.configuration = configuration;
    if (!known)
        memset(kept, 0, sizeof *kept);
    kept->watchdog_restarts += hal_start_reason() == START_WATCHDOG;
    uint32_t now_us = hal_now_us();
    uint8_t encoders = 0;
    for (uint8_t i = 0; i < configuration->channels; i++) {
        const struct channel_configuration *c = &configuration->channel[i];
        struct channel *channel = &board.channel[i];
        channel->due_us = now_us + c->period_us;
        if (c->sensor == SENSOR_ENCODER) {
            channel->encoder = encoders++;
            quadrature_begin(&board.encoder[channel->encoder], hal_encoder_pins(i));
            channel->zero = known ? ZERO_KEPT : ZERO_SWITCH_ON;
            if (known)
                board.encoder[channel->encoder].count = kept->count[channel->encoder];
        } else {
            channel->due_us = now_us + SECOND_US; /* a converter takes half a second to settle */
            channel->newest_us = now_us - c->period_us;
        }
    }
    keep();
    i2c_sensors_start(configuration, now_us);
    /* Room for a hello and a status. */
    frame_start(hal_random(), 82 + 57 * configuration->channels + 4 + 27 + 4 * configuration->channels + 4);
    board.frame_us = now_us + 1000ul * configuration->frame_ms;
    board.hello_us = now_us;
    board.status_us = now_us;
    board.idle_us = hal_idle_us();
}

static void send_hello(uint32_t now_us)
{
    const struct configuration *c = board.configuration;
    char firmware[16] = FIRMWARE;
    frame_begin(FRAME_HELLO, now_us);
    frame_bytes(c->name, sizeof c->name);
    frame_bytes(firmware, sizeof firmware);
    frame_bytes(c->serial, sizeof c->serial);
    frame_u8(hal_start_reason());
    frame_u8(c->channels);
    for (uint8_t i = 0; i < c->channels; i++) {
        frame_bytes(c->channel[i].hello, HELLO_CHANNEL_BYTES);
        frame_u8(board.channel[i].zero);
    }
    frame_send();
}

static void send_status(uint32_t now_us)
{
    uint32_t idle_us = hal_idle_us() - board.idle_us;
    board.idle_us += idle_us;
    frame_begin(FRAME_STATUS, now_us);
    frame_u32(hal_kept()->watchdog_restarts);
    frame_u32(frames_dropped());
    /* Before the first second is over nothing is known of it. */
    frame_u16(!board.started ? 0xffff : idle_us > SECOND_US ? 0 : (uint16_t)((SECOND_US - idle_us) / 1000));
    board.started = true;
    frame_u8(board.configuration->channels);
    for (uint8_t i = 0; i < board.configuration->channels; i++) {
        const struct channel *channel = &board.channel[i];
        bool encoder = board.configuration->channel[i].sensor == SENSOR_ENCODER;
        frame_u32(channel->missed + (encoder ? board.encoder[channel->encoder].missed : 0));
    }
    frame_send();
}

/* What waits of one channel: an even block, or, of a sensor with a clock of its own, a block for each sample. */
static void put_blocks(uint8_t index, uint32_t now_us)
{
    const struct channel_configuration *c = &board.configuration->channel[index];
    struct channel *channel = &board.channel[index];
    bool even = c->sensor == SENSOR_ENCODER;
    for (uint8_t i = 0; i < channel->count; i++) {
        if (i == 0 || !even) {
            uint8_t count = even ? channel->count : 1;
            if (frame_room() < 12 + (uint16_t)count * c->width) {
                frame_send();
                frame_begin(FRAME_DATA, now_us);
            }
            frame_u8(index);
            frame_u8(c->width);
            frame_u16(count);
            frame_u32(now_us - channel->t_us[i]);
            frame_u32(even ? c->period_us : 0);
        }
        frame_counts(channel->counts[i], c->width);
    }
    channel->count = 0;
}

static void send_data(uint32_t now_us)
{
    uint8_t waiting = 0;
    for (uint8_t i = 0; i < board.configuration->channels; i++)
        waiting |= board.channel[i].count;
    if (!waiting)
        return;
    frame_begin(FRAME_DATA, now_us);
    for (uint8_t i = 0; i < board.configuration->channels; i++)
        put_blocks(i, now_us);
    frame_send();
}

static void sample_encoder(uint8_t index, uint32_t now_us)
{
    const struct channel_configuration *c = &board.configuration->channel[index];
    struct channel *channel = &board.channel[index];
    struct quadrature *q = &board.encoder[channel->encoder];
    while (is_due(channel->due_us, now_us)) {
        hal_encoder_until(index, channel->due_us, q);
        if (channel->zero != ZERO_HOME && hal_home_switch(index)) {
            q->count = 0;
            channel->zero = ZERO_HOME;
            board.hello_us = now_us; /* at once: what follows has another zero */
        }
        int32_t position = quadrature_position(q, channel->due_us);
        take(channel, c->option ? -position : position, channel->due_us);
        channel->due_us += c->period_us;
    }
}

static void take_readings(uint8_t index, uint32_t now_us)
{
    const struct channel_configuration *c = &board.configuration->channel[index];
    struct channel *channel = &board.channel[index];
    struct reading reading;
    bool (*next)(uint8_t, struct reading *) = c->sensor == SENSOR_HX711 ? hal_reading : i2c_reading;
    while (next(index, &reading)) {
        /* What comes sooner than any converter converts is made up by a loose or shorted line. */
        bool too_soon = c->sensor != SENSOR_AS5600 && reading.t_us - channel->newest_us < c->period_us / 2;
        channel->newest_us = reading.t_us;
        if (reading.counts == NO_VALUE)
            continue; /* counted when it is late */
        if (too_soon) {
            channel->missed++;
            continue;
        }
        take(channel, reading.counts, reading.t_us);
        channel->due_us = reading.t_us + LATE_PERIODS * c->period_us;
    }
    if (is_due(channel->due_us, now_us)) {
        channel->missed++;
        channel->due_us = now_us + LATE_PERIODS * c->period_us;
    }
}

uint32_t board_step(void)
{
    uint32_t now_us = hal_now_us();
    uint32_t next_us = board.frame_us;
    i2c_sensors_step(now_us);
    for (uint8_t i = 0; i < board.configuration->channels; i++) {
        if (board.configuration->channel[i].sensor == SENSOR_ENCODER) {
            sample_encoder(i, now_us);
            if ((int32_t)(next_us - board.channel[i].due_us) > 0)
                next_us = board.channel[i].due_us;
        } else {
            take_readings(i, now_us);
            if (board.configuration->channel[i].sensor != SENSOR_HX711 && (int32_t)(next_us - now_us) > 1000)
                next_us = now_us + 1000; /* a transfer is over before */
        }
    }
    keep();
    now_us = hal_now_us(); /* not before anything that was taken meanwhile */
    if (is_due(board.hello_us, now_us)) {
        /* A hello says what the samples after it mean, not those before. */
        send_data(now_us);
        send_hello(now_us);
        board.hello_us = now_us + SECOND_US;
        board.frame_us = now_us + 1000ul * board.configuration->frame_ms; /* the line has enough to do */
    }
    if (is_due(board.status_us, now_us)) {
        send_status(now_us);
        board.status_us += SECOND_US;
    }
    if (is_due(board.frame_us, now_us)) {
        send_data(now_us);
        while (is_due(board.frame_us, now_us))
            board.frame_us += 1000ul * board.configuration->frame_ms;
    }
    hal_alive();
    return next_us;
}
