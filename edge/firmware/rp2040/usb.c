/* A serial port by USB (CDC ACM): /dev/serial/by-id/usb-Plumbline_board_SERIAL-if00. */
#include <string.h>

#include "hal.h"
#include "parts.h"

#define PACKET 64
#define EP_NOTIFY 1
#define EP_DATA 2
#define BUFFER_EP0 0x100u
#define BUFFER_NOTIFY 0x180u
#define BUFFER_OUT 0x1c0u
#define BUFFER_IN 0x200u
/* RP2040-E15 (data sheet): a bus error while the host reads a bulk packet hangs the controller until power is cut; a Pi 4's hub
   makes one at the end of a frame. So none is offered in its last 200 us, as TinyUSB's rp2040_usb.c has it; and 50 to make one. */
#define QUIET_FROM_US 750u
#define QUIET_TO_US 1100u /* a frame, and what its beginning may be late or wait; a host that begins none reads nothing */

static const uint8_t DEVICE[] = {
    18, 1, 0x00, 0x02, 2, 0, 0, PACKET, /* USB 2.0, a communication device */
    0x8a, 0x2e, 0x0a, 0x00,             /* Raspberry Pi's own numbers for a serial port of an RP2040 */
    0x00, 0x02, 1, 2, 3, 1,
};
static const uint8_t CONFIGURATION[] = {
    9, 2, 75, 0, 2, 1, 0, 0x80, 125,            /* two interfaces, 250 mA */
    8, 11, 0, 2, 2, 2, 0, 0,                    /* which belong together: not for Linux, but for others */
    9, 4, 0, 0, 1, 2, 2, 0, 0,                  /* 0: control */
    5, 0x24, 0, 0x20, 1,                        /* CDC 1.2 */
    5, 0x24, 1, 0, 1, 4, 0x24, 2, 2,            /* no calls; line coding is understood */
    5, 0x24, 6, 0, 1,                           /* 0 controls 1 */
    7, 5, 0x80 | EP_NOTIFY, 3, 8, 0, 255,       /* an interrupt that never comes */
    9, 4, 1, 0, 2, 10, 0, 0, 0,                 /* 1: data */
    7, 5, EP_DATA, 2, PACKET, 0, 0, 7, 5, 0x80 | EP_DATA, 2, PACKET, 0, 0,
};
_Static_assert(sizeof CONFIGURATION == 75, "said in its third byte");

static struct {
    char serial[17];
    uint8_t line_coding[7];
    volatile bool configured, listened, sending;
    bool full_packet;      /* the last was: an empty one says that it is the end */
    uint8_t address;       /* to be taken when the answer has been sent */
    const uint8_t *answer; /* what is left of it */
    uint16_t answer_n;
    bool asked;            /* the host reads, and says thanks by an empty packet */
    uint8_t buffer[2 + 2 * 32];
    uint32_t pid_ep0, pid_in, pid_out;
    bool takes_line_coding;
    uint32_t frame_us; /* when the newest of the host's frames began */
} usb;

static void copy(uint32_t to, const uint8_t *from, uint16_t n)
{
    volatile uint8_t *p = (volatile uint8_t *)(uintptr_t)(USB_DPRAM + to);
    while (n--)
        *p++ = *from++;
}

/* A buffer is the controller's once AVAILABLE is set, which it must see after the rest (data sheet 4.1.2.5.1). */
static void give(uint32_t control, uint32_t value)
{
    REG(control) = value;
    __asm volatile("nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop");
    REG(control) = value | USB_AVAILABLE;
}

static void answer_more(void)
{
    uint16_t n = usb.answer_n < PACKET ? usb.answer_n : PACKET;
    copy(BUFFER_EP0, usb.answer, n);
    usb.answer += n;
    usb.answer_n -= n;
    give(USB_BUF_CTRL_IN(0), USB_FULL | usb.pid_ep0 | n);
    usb.pid_ep0 ^= USB_DATA1;
}

static void answer(const void *bytes, uint16_t n, uint16_t asked)
{
    usb.answer = bytes;
    usb.answer_n = n < asked ? n : asked;
    answer_more();
}

static void stall(void)
{
    REG(USB_EP_STALL_ARM) = 1;
    REG(USB_BUF_CTRL_IN(0)) = USB_STALL;
}

static void answer_text(const char *text, uint16_t asked)
{
    uint8_t n = 2;
    for (; *text && n < sizeof usb.buffer; text++) {
        usb.buffer[n++] = (uint8_t)*text;
        usb.buffer[n++] = 0;
    }
    usb.buffer[0] = n;
    usb.buffer[1] = 3;
    answer(usb.buffer, n, asked);
}

static void answer_descriptor(uint16_t which, uint16_t asked)
{
    static const uint8_t LANGUAGES[] = {4, 3, 0x09, 0x04};
    switch (which) {
    case 0x100:
        answer(DEVICE, sizeof DEVICE, asked);
        break;
    case 0x200:
        answer(CONFIGURATION, sizeof CONFIGURATION, asked);
        break;
    case 0x300:
        answer(LANGUAGES, sizeof LANGUAGES, asked);
        break;
    case 0x301:
        answer_text("Plumbline", asked);
        break;
    case 0x302:
        answer_text("board", asked);
        break;
    case 0x303:
        answer_text(usb.serial, asked);
        break;
    default:
        stall();
    }
}

static void listen_for_data(void)
{
    give(USB_BUF_CTRL_OUT(EP_DATA), usb.pid_out | PACKET);
    usb.pid_out ^= USB_DATA1;
}

/* Into the boot ROM, where the board is a disk that takes a new image: what a port opened at 1200 baud asks for. */
static void become_a_disk(void)
{
    typedef void *(*look_up)(const uint16_t *table, uint32_t code);
    typedef void (*boot)(uint32_t led, uint32_t interfaces_off);
    const volatile uint16_t *rom = (const volatile uint16_t *)0x14; /* data sheet 2.8.3: the ROM's tables */
    __asm("" : "+r"(rom));
    look_up find = (look_up)(uintptr_t)rom[2];
    boot into = (boot)find((const uint16_t *)(uintptr_t)rom[0], 'U' | 'B' << 8);
    into(0, 0);
}

static void set_up(void)
{
    uint8_t packet[8];
    for (uint8_t i = 0; i < 8; i++)
        packet[i] = ((volatile uint8_t *)USB_DPRAM)[i];
    uint16_t value = packet[2] | packet[3] << 8, asked = packet[6] | packet[7] << 8;
    usb.pid_ep0 = USB_DATA1;
    usb.answer_n = 0;
    usb.asked = packet[0] & 0x80;
    usb.takes_line_coding = false;
    uint16_t request = (packet[0] & 0xe0) << 8 | packet[1]; /* to whomever: there is but one to answer */
    switch (request) {
    case 0x8006: /* get descriptor */
        answer_descriptor(value, asked);
        break;
    case 0x8000: /* get status */
        answer("\0\0", 2, asked);
        break;
    case 0x8008: /* get configuration */
        usb.buffer[0] = usb.configured;
        answer(usb.buffer, 1, asked);
        break;
    case 0xa021: /* get line coding */
        answer(usb.line_coding, sizeof usb.line_coding, asked);
        break;
    case 0x2020: /* set line coding: it follows */
        usb.takes_line_coding = true;
        give(USB_BUF_CTRL_OUT(0), USB_DATA1 | PACKET);
        break;
    case 0x0005: /* set address */
        usb.address = value & 127;
        answer(0, 0, 0);
        break;
    case 0x0009: /* set configuration */
        usb.configured = value == 1;
        usb.pid_in = usb.pid_out = 0;
        usb.sending = false;
        REG(USB_BUF_CTRL_IN(EP_DATA)) = REG(USB_BUF_CTRL_OUT(EP_DATA)) = 0;
        answer(0, 0, 0);
        if (usb.configured)
            listen_for_data();
        break;
    case 0x2022: { /* set control line state: somebody has opened the port, or closed it */
        uint32_t baud = usb.line_coding[0] | usb.line_coding[1] << 8 | (uint32_t)usb.line_coding[2] << 16;
        usb.listened = value & 1;
        if (!usb.listened)
            line_forget_usb();
        answer(0, 0, 0);
        if (!usb.listened && baud == 1200)
            become_a_disk();
        break;
    }
    default:
        if (packet[0] & 0x80)
            stall();
        else
            answer(0, 0, 0);
    }
}

void usb_send(void)
{
    if (!usb.configured || !usb.listened || usb.sending)
        return;
    uint32_t since_us = REG(TIMER_RAWL) - usb.frame_us;
    if (since_us >= QUIET_FROM_US && since_us < QUIET_TO_US)
        return; /* the next frame's beginning sends it */
    uint8_t packet[PACKET];
    uint16_t n = line_take_usb(packet, PACKET);
    if (n == 0 && !usb.full_packet)
        return;
    usb.full_packet = n == PACKET;
    usb.sending = true;
    copy(BUFFER_IN, packet, n);
    give(USB_BUF_CTRL_IN(EP_DATA), USB_FULL | usb.pid_in | n);
    usb.pid_in ^= USB_DATA1;
}

bool usb_has_listener(void)
{
    return usb.configured && usb.listened;
}

static void buffers_done(void)
{
    uint32_t done = REG(USB_BUFF_STATUS);
    REG(USB_BUFF_STATUS) = done;
    if (done & 1u) { /* control, in */
        if (usb.address) {
            REG(USB_ADDR) = usb.address;
            usb.address = 0;
        } else if (usb.answer_n) {
            answer_more();
        } else if (usb.asked) {
            usb.asked = false;
            give(USB_BUF_CTRL_OUT(0), USB_DATA1);
        }
    }
    if (done & 2u && usb.takes_line_coding) {
        usb.takes_line_coding = false;
        for (uint8_t i = 0; i < sizeof usb.line_coding; i++)
            usb.line_coding[i] = ((volatile uint8_t *)(USB_DPRAM + BUFFER_EP0))[i];
        answer(0, 0, 0);
    }
    if (done & 1u << (2 * EP_DATA)) {
        usb.sending = false;
        usb_send();
    }
    if (done & 2u << (2 * EP_DATA))
        listen_for_data(); /* a board is told nothing: whatever was said is let go */
}

void usb_irq(void)
{
    uint32_t status = REG(USB_INTS);
    if (status & USB_INT_SOF) {
        (void)REG(USB_SOF_RD); /* clears it */
        usb.frame_us = REG(TIMER_RAWL);
    }
    if (status & USB_INT_BUFF) /* of the control request before the next */
        buffers_done();
    if (status & USB_INT_SETUP) {
        REG(USB_SIE_STATUS) = USB_SIE_SETUP_REC;
        set_up();
    }
    if (status & USB_INT_SOF)
        usb_send();
    if (status & USB_INT_BUS_RESET) {
        usb.configured = usb.listened = usb.sending = false;
        usb.address = 0;
        line_forget_usb();
        REG(USB_ADDR) = 0;
        REG(USB_SIE_STATUS) = USB_SIE_BUS_RESET;
    }
}

void usb_start(const char *serial)
{
    memcpy(usb.serial, serial, 16);
    unreset(RESET_USBCTRL);
    for (uint32_t at = 0; at < 0x180; at += 4)
        REG(USB_DPRAM + at) = 0;
    REG(USB_MUXING) = 1u | 1u << 3;      /* to the pins */
    REG(USB_PWR) = 1u << 2 | 1u << 3;    /* there is power, whatever no pin says */
    REG(USB_MAIN_CTRL) = 1;
    REG(USB_SIE_CTRL) = 1u << 29;        /* an interrupt for each control packet */
    REG(USB_INTE) = USB_INT_SETUP | USB_INT_BUFF | USB_INT_BUS_RESET | USB_INT_SOF;
    uint32_t enable = 1u << 31 | 1u << 29;
    REG(USB_EP_CTRL_IN(EP_NOTIFY)) = enable | 3u << 26 | BUFFER_NOTIFY;
    REG(USB_EP_CTRL_OUT(EP_DATA)) = enable | 2u << 26 | BUFFER_OUT;
    REG(USB_EP_CTRL_IN(EP_DATA)) = enable | 2u << 26 | BUFFER_IN;
    irq_enable(IRQ_USB);
    SET_BITS(USB_SIE_CTRL) = 1u << 16;   /* here we are */
}
