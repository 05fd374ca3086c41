#include "i2c_sensors.h"

#include <string.h>

#define NOBODY 255
#define GIVE_UP_US 5000

/* AS5600 data sheet, ams 2018: RAW ANGLE, 12 bits, high byte first. */
#define AS5600_ADDRESS 0x36
#define AS5600_RAW_ANGLE 0x0c

/* NAU7802 data sheet, Nuvoton 2012. ADCO: 24 bits, high byte first; read when the data-ready pin has risen. */
#define NAU7802_ADDRESS 0x2a
#define NAU7802_ADCO_B2 0x12
static const uint8_t NAU7802_START[][2] = {
    {0x00, 0x01}, /* PU_CTRL: reset the registers */
    {0x00, 0x02}, /* … and power up the digital part */
    {0x00, 0x86}, /* … the analogue part, on its own regulator */
    {0x01, 0x2f}, /* CTRL1: 3.0 V for the bridge, gain 128 */
    {0x02, 0x70}, /* CTRL2: 320 readings a second */
    {0x15, 0x30}, /* ADC: choppers off, as the data sheet advises */
    {0x00, 0x96}, /* PU_CTRL: begin to convert */
};
#define NAU7802_STEPS (sizeof NAU7802_START / sizeof NAU7802_START[0])
#define NAU7802_SETTLES_US 300000 /* the regulator, and the filter behind it */
#define NAU7802_SILENT_US 250000  /* it has lost its power, or its plug: all of it anew */
#define NAU7802_AGAIN_US 20000    /* one that is not there is asked no oftener: others share the bus */
#define NAU7802_FAILURES 5 /* in a row; fewer are a bus that is disturbed */

static struct {
    const struct configuration *configuration;
    uint8_t owner; /* the channel whose transfer is under way */
    uint32_t begun_us;
    uint32_t due_us[MAX_CHANNELS];
    /* NAU7802 */
    uint8_t step[MAX_CHANNELS]; /* of its start */
    uint8_t failures[MAX_CHANNELS];
    bool settled[MAX_CHANNELS];
    uint32_t started_us[MAX_CHANNELS], heard_us[MAX_CHANNELS];
    bool wanted; /* the reading that is being fetched */
    bool ready[MAX_CHANNELS];
    struct reading reading[MAX_CHANNELS];
} bus;

void i2c_sensors_start(const struct configuration *configuration, uint32_t now_us)
{
    memset(&bus, 0, sizeof bus);
    bus.configuration = configuration;
    bus.owner = NOBODY;
    for (uint8_t i = 0; i < configuration->channels; i++)
        bus.due_us[i] = now_us + configuration->channel[i].period_us;
}

static void own(uint8_t index, uint32_t now_us)
{
    bus.owner = index;
    bus.begun_us = now_us;
}

static void start_nau7802(uint8_t index, uint32_t due_us)
{
    bus.due_us[index] = due_us;
    bus.step[index] = 0;
    bus.failures[index] = 0;
    bus.settled[index] = false;
}

static void begin_nau7802(uint8_t index, uint32_t now_us)
{
    const uint8_t reg = NAU7802_ADCO_B2;
    struct reading ready;
    bool due = (int32_t)(now_us - bus.due_us[index]) >= 0;
    if (bus.step[index] < NAU7802_STEPS) {
        if (!due)
            return;
        bus.due_us[index] = now_us + 1000; /* it takes 200 us to power up */
        hal_i2c_begin(NAU7802_ADDRESS, NAU7802_START[bus.step[index]], 2, 0);
    } else if (hal_reading(index, &ready)) {
        bus.heard_us[index] = now_us;
        bus.settled[index] |= (int32_t)(ready.t_us - bus.started_us[index]) >= NAU7802_SETTLES_US;
        bus.wanted = bus.settled[index];
        bus.reading[index].t_us = ready.t_us; /* of the pin; what it carries is still to be read */
        hal_i2c_begin(NAU7802_ADDRESS, &reg, 1, 3);
    } else if (bus.failures[index] && due) {
        bus.wanted = false; /* a pin that stays high until it is read would never rise again */
        hal_i2c_begin(NAU7802_ADDRESS, &reg, 1, 3);
    } else {
        if (now_us - bus.heard_us[index] >= NAU7802_SILENT_US)
            start_nau7802(index, now_us);
        return;
    }
    own(index, now_us);
}

static void begin(uint8_t index, uint32_t now_us)
{
    const struct channel_configuration *c = &bus.configuration->channel[index];
    if (c->sensor == SENSOR_NAU7802) {
        begin_nau7802(index, now_us);
    } else if (c->sensor == SENSOR_AS5600 && (int32_t)(now_us - bus.due_us[index]) >= 0) {
        uint8_t reg = AS5600_RAW_ANGLE;
        bus.reading[index].t_us = now_us;
        while ((int32_t)(now_us - bus.due_us[index]) >= 0)
            bus.due_us[index] += c->period_us;
        hal_i2c_begin(AS5600_ADDRESS, &reg, 1, 2);
        own(index, now_us);
    }
}

static void finish_nau7802(uint8_t index, const uint8_t *read, int8_t n, uint32_t now_us)
{
    if (bus.step[index] < NAU7802_STEPS) {
        if (n < 0)
            start_nau7802(index, now_us + NAU7802_AGAIN_US); /* not there, or not yet */
        else if (++bus.step[index] == NAU7802_STEPS)
            bus.started_us[index] = bus.heard_us[index] = now_us;
        return;
    }
    if (n < 0) { /* counted by whoever waits for the reading */
        bus.due_us[index] = now_us + 2 * bus.configuration->channel[index].period_us;
        if (++bus.failures[index] == NAU7802_FAILURES)
            start_nau7802(index, now_us);
        return;
    }
    bus.failures[index] = 0;
    uint32_t raw = (uint32_t)read[0] << 24 | (uint32_t)read[1] << 16 | (uint32_t)read[2] << 8;
    bus.reading[index].counts = (int32_t)raw >> 8;
    bus.ready[index] = bus.wanted;
}

static void finish(uint8_t index, const uint8_t *read, int8_t n, uint32_t now_us)
{
    const struct channel_configuration *c = &bus.configuration->channel[index];
    if (c->sensor == SENSOR_NAU7802) {
        finish_nau7802(index, read, n, now_us);
    } else if (n >= 0) { /* else counted by whoever waits for the reading */
        int16_t turned = ((read[0] << 8 | read[1]) & 0x0fff) - c->centre;
        if (c->option)
            turned = -turned;
        turned = ((turned + 2048) & 0x0fff) - 2048; /* the shorter way round */
        bus.reading[index].counts = turned + c->centre;
        bus.ready[index] = true;
    }
}

void i2c_sensors_step(uint32_t now_us)
{
    uint8_t read[4];
    uint8_t before = bus.owner == NOBODY ? 0 : bus.owner;
    if (bus.owner != NOBODY) {
        int8_t n = hal_i2c_result(read);
        if (n == I2C_BUSY && now_us - bus.begun_us < GIVE_UP_US)
            return;
        uint8_t owner = bus.owner;
        bus.owner = NOBODY;
        finish(owner, read, n, now_us);
    }
    for (uint8_t k = 1; k <= bus.configuration->channels && bus.owner == NOBODY; k++)
        begin((before + k) % bus.configuration->channels, now_us); /* in turn */
}

bool i2c_reading(uint8_t channel, struct reading *reading)
{
    if (!bus.ready[channel])
        return false;
    bus.ready[channel] = false;
    *reading = bus.reading[channel];
    return true;
}
