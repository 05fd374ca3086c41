#include "parts.h"

/* 12 MHz of the crystal to 1200 MHz, divided twice. */
static void pll_start(uint32_t pll, uint32_t divide_1, uint32_t divide_2)
{
    REG(pll + PLL_PWR) = 0xffffffff;
    REG(pll + PLL_FBDIV) = 100;
    REG(pll + PLL_CS) = 1;
    CLEAR_BITS(pll + PLL_PWR) = 1u | 1u << 5; /* power, oscillator */
    while (!(REG(pll + PLL_CS) & 1u << 31))
        ;
    REG(pll + PLL_PRIM) = divide_1 << 16 | divide_2 << 12;
    CLEAR_BITS(pll + PLL_PWR) = 1u << 3; /* dividers */
}

void unreset(uint32_t parts)
{
    CLEAR_BITS(RESETS_RESET) = parts;
    while ((REG(RESETS_DONE) & parts) != parts)
        ;
}

void clocks_start(void)
{
    REG(XOSC_STARTUP) = 47; /* times 256 of its periods: 1 ms */
    REG(XOSC_CTRL) = 0xaa0 | 0xfab << 12;
    while (!(REG(XOSC_STATUS) & 1u << 31))
        ;
    REG(CLK_REF_CTRL) = 2; /* the crystal */
    while (!(REG(CLK_REF_SELECTED) & 1u << 2))
        ;
    CLEAR_BITS(CLK_SYS_CTRL) = 1; /* … for the system as well, while its PLL starts */
    while (!(REG(CLK_SYS_SELECTED) & 1))
        ;
    unreset(RESET_PLL_SYS | RESET_PLL_USB);
    pll_start(PLL_SYS, 5, 2); /* 120 MHz */
    pll_start(PLL_USB, 5, 5); /* 48 MHz */
    REG(CLK_SYS_DIV) = 1u << 8;
    REG(CLK_SYS_CTRL) = 0 << 5; /* the PLL is what it may choose … */
    SET_BITS(CLK_SYS_CTRL) = 1; /* … and chooses */
    while (!(REG(CLK_SYS_SELECTED) & 2))
        ;
    REG(CLK_PERI_CTRL) = CLK_ENABLE;
    REG(CLK_USB_DIV) = 1u << 8;
    REG(CLK_USB_CTRL) = CLK_ENABLE;
    REG(WATCHDOG_TICK) = 12 | 1u << 9; /* a microsecond, for the timer as well */
    unreset(RESET_TIMER | RESET_IO_BANK0 | RESET_PADS_BANK0);
}

void pin_start(uint8_t pin, enum function function, bool pull_up)
{
    REG(PAD(pin)) = PAD_INPUT | (pull_up ? PAD_PULL_UP : 0);
    REG(GPIO_CTRL(pin)) = function;
}

void irq_enable(enum irq irq)
{
    /* What stamps a reading interrupts the lines, whose packets take 18 us each: least number first, of two bits. */
    uint32_t priority = irq == IRQ_PIO1_0 || irq == IRQ_IO_BANK0 ? 0 : 0x40, shift = 8 * (irq & 3u);
    REG(NVIC_IPR(irq)) = (REG(NVIC_IPR(irq)) & ~(0xffu << shift)) | priority << shift;
    REG(NVIC_ICPR) = 1u << irq;
    REG(NVIC_ISER) = 1u << irq;
}
