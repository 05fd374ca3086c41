/* The registers of the RP2040 that are used here, by its data sheet (Raspberry Pi, 2020 and later). */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))
#define SET_BITS(address) REG((address) + 0x2000u) /* what is written 1 becomes 1, at once */
#define CLEAR_BITS(address) REG((address) + 0x3000u)

#define SYS_HZ 120000000u /* ten times twelve: the PIO counts whole microseconds */

/* 2.14 subsystem resets */
#define RESETS_RESET 0x4000c000u
#define RESETS_DONE 0x4000c008u
#define RESET_DMA (1u << 2)
#define RESET_I2C0 (1u << 3)
#define RESET_IO_BANK0 (1u << 5)
#define RESET_PADS_BANK0 (1u << 8)
#define RESET_PIO0 (1u << 10)
#define RESET_PIO1 (1u << 11)
#define RESET_PLL_SYS (1u << 12)
#define RESET_PLL_USB (1u << 13)
#define RESET_TIMER (1u << 21)
#define RESET_UART0 (1u << 22)
#define RESET_USBCTRL (1u << 24)

/* 2.15 clocks, 2.16 crystal, 2.18 PLL */
#define CLK_REF_CTRL 0x40008030u
#define CLK_REF_SELECTED 0x40008038u
#define CLK_SYS_CTRL 0x4000803cu
#define CLK_SYS_DIV 0x40008040u
#define CLK_SYS_SELECTED 0x40008044u
#define CLK_PERI_CTRL 0x40008048u
#define CLK_USB_CTRL 0x40008054u
#define CLK_USB_DIV 0x40008058u
#define CLK_ENABLE (1u << 11)
#define XOSC_CTRL 0x40024000u
#define XOSC_STATUS 0x40024004u
#define XOSC_STARTUP 0x4002400cu
#define PLL_SYS 0x40028000u
#define PLL_USB 0x4002c000u
#define PLL_CS 0x0u
#define PLL_PWR 0x4u
#define PLL_FBDIV 0x8u
#define PLL_PRIM 0xcu
#define ROSC_RANDOMBIT 0x4006001cu

/* 2.13 what reset the chip, 4.7 watchdog */
#define CHIP_RESET 0x40064008u
#define HAD_POR (1u << 8)
#define HAD_RUN (1u << 16)
#define PSM_WDSEL 0x40010008u
#define WATCHDOG_CTRL 0x40058000u
#define WATCHDOG_LOAD 0x40058004u
#define WATCHDOG_REASON 0x40058008u
#define WATCHDOG_SCRATCH4 0x4005801cu
#define WATCHDOG_TICK 0x4005802cu

/* 4.6 timer */
#define TIMER_ALARM0 0x40054010u
#define TIMER_RAWL 0x40054028u
#define TIMER_INTR 0x40054034u
#define TIMER_INTE 0x40054038u

/* 2.19 GPIO, 2.3.1 SIO */
#define GPIO_CTRL(pin) (0x40014004u + 8u * (pin))
#define GPIO_INTR(pin) (0x400140f0u + 4u * ((pin) / 8u))
#define GPIO_INTE(pin) (0x40014100u + 4u * ((pin) / 8u))
#define GPIO_EDGE_HIGH(pin) (8u << 4u * ((pin) % 8u))
#define PAD(pin) (0x4001c004u + 4u * (pin))
#define PAD_INPUT 0x52u /* input on, Schmitt trigger, 4 mA */
#define PAD_PULL_DOWN 0x4u
#define PAD_PULL_UP 0x8u
enum function { FUNCTION_UART = 2, FUNCTION_I2C = 3, FUNCTION_SIO = 5, FUNCTION_PIO0 = 6, FUNCTION_PIO1 = 7 };
#define GPIO_IN 0xd0000004u
#define GPIO_OUT_CLR 0xd0000018u
#define GPIO_OE_SET 0xd0000024u
#define GPIO_OE_CLR 0xd0000028u

/* 2.5 DMA */
#define DMA_READ_ADDR(channel) (0x50000000u + 0x40u * (channel))
#define DMA_WRITE_ADDR(channel) (0x50000004u + 0x40u * (channel))
#define DMA_TRANS_COUNT(channel) (0x50000008u + 0x40u * (channel))
#define DMA_CTRL_TRIG(channel) (0x5000000cu + 0x40u * (channel))
#define DMA_AL1_CTRL(channel) (0x50000010u + 0x40u * (channel))
#define DMA_BUSY (1u << 24)

/* 3 PIO */
#define PIO0 0x50200000u
#define PIO1 0x50300000u
#define PIO_CTRL 0x000u
#define PIO_RXF(machine) (0x020u + 4u * (machine))
#define PIO_FSTAT 0x004u
#define PIO_INSTR_MEM(slot) (0x048u + 4u * (slot))
#define PIO_SM_CLKDIV(machine) (0x0c8u + 0x18u * (machine))
#define PIO_SM_EXECCTRL(machine) (0x0ccu + 0x18u * (machine))
#define PIO_SM_SHIFTCTRL(machine) (0x0d0u + 0x18u * (machine))
#define PIO_SM_INSTR(machine) (0x0d8u + 0x18u * (machine))
#define PIO_SM_PINCTRL(machine) (0x0dcu + 0x18u * (machine))
#define PIO_IRQ0_INTE 0x12cu

/* 4.2 UART0 */
#define UART_DR 0x40034000u
#define UART_FR 0x40034018u
#define UART_IBRD 0x40034024u
#define UART_FBRD 0x40034028u
#define UART_LCR_H 0x4003402cu
#define UART_CR 0x40034030u
#define UART_IMSC 0x40034038u
#define UART_ICR 0x40034044u
#define UART_FR_TXFF (1u << 5)
#define UART_TXIM (1u << 5)

/* 4.3 I2C0 */
#define I2C_CON 0x40044000u
#define I2C_TAR 0x40044004u
#define I2C_DATA_CMD 0x40044010u
#define I2C_FS_HCNT 0x4004401cu
#define I2C_FS_LCNT 0x40044020u
#define I2C_RAW_INTR_STAT 0x40044034u
#define I2C_CLR_TX_ABRT 0x40044054u
#define I2C_ENABLE 0x4004406cu
#define I2C_STATUS 0x40044070u
#define I2C_RXFLR 0x40044078u
#define I2C_SDA_HOLD 0x4004407cu
#define I2C_FS_SPKLEN 0x400440a0u
#define I2C_TX_ABRT (1u << 6)
#define I2C_TFE (1u << 2)
#define I2C_MST_ACTIVITY (1u << 5)
#define I2C_READ (1u << 8)
#define I2C_STOP (1u << 9)
#define I2C_RESTART (1u << 10)

/* 4.1 USB */
#define USB_DPRAM 0x50100000u
#define USB_EP_CTRL_IN(ep) (USB_DPRAM + 8u * (ep))
#define USB_EP_CTRL_OUT(ep) (USB_DPRAM + 8u * (ep) + 4u)
#define USB_BUF_CTRL_IN(ep) (USB_DPRAM + 0x80u + 8u * (ep))
#define USB_BUF_CTRL_OUT(ep) (USB_DPRAM + 0x84u + 8u * (ep))
#define USB_ADDR 0x50110000u
#define USB_MAIN_CTRL 0x50110040u
#define USB_SOF_RD 0x50110048u
#define USB_SIE_CTRL 0x5011004cu
#define USB_SIE_STATUS 0x50110050u
#define USB_BUFF_STATUS 0x50110058u
#define USB_EP_STALL_ARM 0x50110068u
#define USB_MUXING 0x50110074u
#define USB_PWR 0x50110078u
#define USB_INTE 0x50110090u
#define USB_INTS 0x50110098u
#define USB_INT_BUS_RESET (1u << 12)
#define USB_INT_SETUP (1u << 16)
#define USB_INT_SOF (1u << 17)
#define USB_INT_BUFF (1u << 4)
#define USB_SIE_SETUP_REC (1u << 17)
#define USB_SIE_BUS_RESET (1u << 19)
#define USB_FULL (1u << 15)
#define USB_LAST (1u << 14)
#define USB_DATA1 (1u << 13)
#define USB_STALL (1u << 11)
#define USB_AVAILABLE (1u << 10)
#define USB_LENGTH 0x3ffu

/* 2.4 Cortex-M0+ */
#define NVIC_ISER 0xe000e100u
#define NVIC_ICPR 0xe000e280u
#define NVIC_IPR(irq) (0xe000e400u + ((irq) & ~3u))
#define SCB_VTOR 0xe000ed08u
enum irq { IRQ_TIMER_0 = 0, IRQ_USB = 5, IRQ_PIO1_0 = 9, IRQ_IO_BANK0 = 13, IRQ_UART0 = 20 };

static inline uint32_t interrupts_off(void)
{
    uint32_t before;
    __asm volatile("mrs %0, primask\n cpsid i" : "=r"(before)::"memory");
    return before;
}

static inline void interrupts_as(uint32_t before)
{
    __asm volatile("msr primask, %0" ::"r"(before) : "memory");
}

#endif
