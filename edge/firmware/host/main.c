/* The board as a Linux program: the same sources, fed by a file of stimuli, talking on a pseudo-terminal.

     plumbline-board CONFIGURATION STIMULI [speed [boot seed [start of the clock, us]]]

   speed 0: as fast as it goes, bytes to the standard output. Otherwise it prints the terminal's name, waits for a
   listener, and a second of the board takes 1/speed of a second. Stimuli are drawn in tests/edge/firmware/stimulus.py. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "board.h"
#include "hal.h"

enum kind { EDGE = 1, READING = 2, ANGLE = 3, HOME_SWITCH = 4, RESET = 5 };

struct stimulus {
    uint32_t t_us;
    uint8_t kind;
    uint8_t channel;
    uint16_t unused;
    int32_t value;
};

#define LINE_BYTES 4096
#define BOOT_US 300000
#define QUEUE 64

static struct {
    struct stimulus *stimulus;
    size_t n, next;
    uint32_t now_us, start_us, idle_us;
    double speed;
    struct timespec began;
    int out, slave;
    uint32_t random;
    enum start reason;
    struct kept kept;
    jmp_buf restart;
    /* What the pins and sensors show. */
    size_t edges[MAX_CHANNELS]; /* of the next stimulus to look at */
    uint8_t pins[MAX_CHANNELS];
    bool home[MAX_CHANNELS];
    int32_t angle[MAX_CHANNELS];
    struct reading queue[MAX_CHANNELS][QUEUE];
    uint8_t queue_first[MAX_CHANNELS], queue_n[MAX_CHANNELS];
    int32_t converted[MAX_CHANNELS]; /* NAU7802: what its registers hold */
    uint8_t i2c_owner;
    int8_t i2c_n;
    uint8_t i2c_data[4];
    /* The line: bytes leave at its baud rate. */
    const struct configuration *configuration;
    uint8_t sent[LINE_BYTES];
    uint16_t sent_n;
    double waiting;
    uint32_t drained_us;
    bool open;
} host;

static void fail(const char *what)
{
    fprintf(stderr, "plumbline-board: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *load(const char *path, size_t *bytes)
{
    int file = open(path, O_RDONLY);
    struct stat info;
    if (file < 0 || fstat(file, &info) < 0)
        fail(path);
    char *data = malloc((size_t)info.st_size + 1);
    for (off_t done = 0; done < info.st_size;) {
        ssize_t n = read(file, data + done, (size_t)(info.st_size - done));
        if (n <= 0)
            fail(path);
        done += n;
    }
    close(file);
    *bytes = (size_t)info.st_size;
    return data;
}

/* What happened up to this moment of true time. A reset does not return. */
static void happen_until(uint32_t now_us)
{
    while (host.next < host.n && host.stimulus[host.next].t_us <= now_us) {
        const struct stimulus *s = &host.stimulus[host.next++];
        uint8_t c = s->channel;
        if (s->kind == READING && host.queue_n[c] < QUEUE) {
            host.converted[c] = s->value;
            host.queue[c][(host.queue_first[c] + host.queue_n[c]++) % QUEUE] =
                (struct reading){s->value, host.start_us + s->t_us};
        } else if (s->kind == ANGLE) {
            host.angle[c] = s->value;
        } else if (s->kind == HOME_SWITCH) {
            host.home[c] = s->value;
        } else if (s->kind == RESET) {
            host.reason = (enum start)s->value;
            host.now_us = s->t_us + BOOT_US;
            longjmp(host.restart, 1);
        }
    }
}

void hal_start(const struct configuration *configuration)
{
    host.configuration = configuration;
    host.waiting = 0;
    host.drained_us = host.now_us;
    host.idle_us = 0;
    host.i2c_n = I2C_FAILED;
    memset(host.queue_n, 0, sizeof host.queue_n);
    /* The edges of the time it was not there are gone; the lines stand where they stand. */
    for (uint8_t c = 0; c < configuration->channels; c++)
        while (host.edges[c] < host.n && host.stimulus[host.edges[c]].t_us <= host.now_us) {
            const struct stimulus *s = &host.stimulus[host.edges[c]++];
            if (s->kind == EDGE && s->channel == c)
                host.pins[c] = (uint8_t)s->value;
        }
}

enum start hal_start_reason(void)
{
    return host.reason;
}

struct kept *hal_kept(void)
{
    return &host.kept;
}

uint32_t hal_random(void)
{
    host.random = host.random * 1664525u + 1013904223u; /* Numerical Recipes; told by the caller, for tests */
    return host.random;
}

uint32_t hal_now_us(void)
{
    return host.start_us + host.now_us;
}

void hal_idle_until(uint32_t t_us)
{
    uint32_t then_us = t_us - host.start_us;
    if ((int32_t)(then_us - host.now_us) <= 0)
        then_us = host.now_us + 1;
    /* A converter that is ready wakes the processor. */
    for (size_t i = host.next; i < host.n && host.stimulus[i].t_us < then_us; i++)
        if (host.stimulus[i].kind == READING || host.stimulus[i].kind == RESET) {
            then_us = host.stimulus[i].t_us > host.now_us ? host.stimulus[i].t_us : host.now_us + 1;
            break;
        }
    if (host.speed > 0) {
        double due_s = then_us / 1e6 / host.speed;
        struct timespec until = host.began;
        until.tv_sec += (time_t)due_s;
        until.tv_nsec += (long)((due_s - (double)(time_t)due_s) * 1e9);
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
    host.idle_us += then_us - host.now_us;
    host.now_us = then_us;
    happen_until(then_us);
}

uint32_t hal_idle_us(void)
{
    return host.idle_us;
}

void hal_alive(void)
{
}

uint8_t hal_encoder_pins(uint8_t channel)
{
    return host.pins[channel];
}

void hal_encoder_until(uint8_t channel, uint32_t t_us, struct quadrature *q)
{
    uint32_t until_us = t_us - host.start_us;
    size_t *i = &host.edges[channel];
    for (; *i < host.n && host.stimulus[*i].t_us <= until_us; ++*i) {
        const struct stimulus *s = &host.stimulus[*i];
        if (s->kind == EDGE && s->channel == channel) {
            quadrature_edge(q, (uint8_t)s->value, host.start_us + s->t_us);
            host.pins[channel] = (uint8_t)s->value;
        }
    }
}

bool hal_home_switch(uint8_t channel)
{
    return host.home[channel];
}

bool hal_reading(uint8_t channel, struct reading *reading)
{
    if (host.queue_n[channel] == 0)
        return false;
    *reading = host.queue[channel][host.queue_first[channel]];
    host.queue_first[channel] = (host.queue_first[channel] + 1) % QUEUE;
    host.queue_n[channel]--;
    return true;
}

void hal_i2c_begin(uint8_t address, const uint8_t *write, uint8_t n_write, uint8_t n_read)
{
    (void)write;
    (void)n_write;
    host.i2c_n = I2C_FAILED;
    for (uint8_t c = 0; c < host.configuration->channels; c++) {
        if (address == 0x36 && host.configuration->channel[c].sensor == SENSOR_AS5600 && host.angle[c] >= 0) {
            host.i2c_data[0] = (uint8_t)(host.angle[c] >> 8);
            host.i2c_data[1] = (uint8_t)host.angle[c];
            host.i2c_n = (int8_t)n_read;
        } else if (address == 0x2a && host.configuration->channel[c].sensor == SENSOR_NAU7802) {
            for (uint8_t i = 0; i < 3; i++)
                host.i2c_data[i] = (uint8_t)(host.converted[c] >> (16 - 8 * i));
            host.i2c_n = (int8_t)n_read;
        }
    }
}

int8_t hal_i2c_result(uint8_t *read)
{
    memcpy(read, host.i2c_data, sizeof host.i2c_data);
    return host.i2c_n;
}

bool hal_line_open(uint16_t bytes, uint16_t reserve)
{
    host.waiting -= (host.now_us - host.drained_us) * (host.configuration->baud / 10.0) / 1e6;
    host.drained_us = host.now_us;
    if (host.waiting < 0)
        host.waiting = 0;
    host.sent_n = 0;
    host.open = host.configuration->baud == 0 || host.waiting + bytes + reserve <= LINE_BYTES;
    return host.open;
}

void hal_line_byte(uint8_t byte)
{
    if (host.open)
        host.sent[host.sent_n++] = byte;
}

void hal_line_close(void)
{
    if (!host.open)
        return;
    host.waiting += host.sent_n;
    for (uint16_t done = 0; done < host.sent_n;) {
        ssize_t n = write(host.out, host.sent + done, host.sent_n - done);
        if (n < 0 && errno == EAGAIN) {
            /* This board's time is its own: it waits for a busy machine. Where nobody reads what is old goes. */
            struct pollfd line = {host.out, POLLOUT, 0};
            if (poll(&line, 1, 2000) == 0)
                tcflush(host.slave, TCIFLUSH);
            continue;
        }
        if (n < 0)
            exit(0); /* whoever listened has gone */
        done += (uint16_t)n;
    }
}

static void open_terminal(void)
{
    char name[128];
    struct termios raw;
    host.out = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (host.out < 0 || grantpt(host.out) || unlockpt(host.out) || ptsname_r(host.out, name, sizeof name))
        fail("pseudo-terminal");
    if ((host.slave = open(name, O_RDWR | O_NOCTTY)) < 0 || tcgetattr(host.slave, &raw))
        fail(name);
    cfmakeraw(&raw);
    tcsetattr(host.slave, TCSANOW, &raw);
    close(host.slave);
    printf("%s\n", name);
    fflush(stdout);
    /* The set begins when somebody listens: until then the terminal is hung up. */
    for (struct pollfd line = {host.out, POLLOUT, 0}; poll(&line, 1, 1) >= 0 && line.revents & POLLHUP;)
        usleep(2000);
    host.slave = open(name, O_RDWR | O_NOCTTY); /* kept open: one whose last reader leaves would hang up on us */
    /* Whoever opens a port throws away what has come by then (tcflush): begin when what is said is read. The first
     * of these separators may be thrown away; a byte passes a queue of the kernel before it shows as unread. */
    for (int said = 0, unread = 0; said < 3 && write(host.out, "", 1) == 1; said++)
        do
            usleep(20000);
        while (ioctl(host.slave, FIONREAD, &unread) == 0 && unread > 0);
}

int main(int argc, char **argv)
{
    size_t bytes;
    if (argc < 3) {
        fprintf(stderr, "usage: plumbline-board CONFIGURATION STIMULI [speed [boot seed [start us]]]\n");
        return 2;
    }
    const struct configuration *configuration = load(argv[1], &bytes);
    if (bytes < sizeof *configuration || bytes < configuration->bytes || !configuration_is_valid(configuration)) {
        fprintf(stderr, "plumbline-board: %s: not a whole configuration of a board\n", argv[1]);
        return 1;
    }
    host.stimulus = load(argv[2], &bytes);
    host.n = bytes / sizeof *host.stimulus;
    host.speed = argc > 3 ? atof(argv[3]) : 0;
    host.random = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 0) : 1;
    host.start_us = argc > 5 ? (uint32_t)strtoul(argv[5], NULL, 0) : 0;
    host.out = STDOUT_FILENO;
    for (uint8_t c = 0; c < MAX_CHANNELS; c++)
        host.angle[c] = -1;
    if (host.speed > 0)
        open_terminal();
    clock_gettime(CLOCK_MONOTONIC, &host.began);
    uint32_t end_us = host.n ? host.stimulus[host.n - 1].t_us : 0;
    setjmp(host.restart);
    if (host.reason == START_SWITCHED_ON)
        memset(&host.kept, 0xa5, sizeof host.kept); /* what RAM holds after a loss of power */
    hal_start(configuration);
    happen_until(host.now_us);
    board_start(configuration);
    while (host.now_us <= end_us)
        hal_idle_until(board_step());
    if (host.speed > 0)
        sleep(1); /* what was written last may still be read */
    return 0;
}
