/* The second stage: the boot ROM copies these 256 bytes from flash into RAM, checks the checksum in the last four
   (which `plumbline board build` fills in) and runs them. They let the processor read flash with the command that
   every chip knows (03h, one bit at a time); the program is small and runs from the cache. */
    .syntax unified
    .cpu cortex-m0plus
    .thumb
    .section .boot2, "ax"
    .global boot2
    .thumb_func
boot2:
    push {lr}
    ldr r3, =0x18000000         /* the flash interface, data sheet 4.10 */
    movs r1, #0
    str r1, [r3, #0x08]         /* off while it is set up */
    movs r1, #4
    str r1, [r3, #0x14]         /* 120 MHz / 4: below the 50 MHz of the command */
    ldr r1, =(31 << 16) | (3 << 8)
    str r1, [r3, #0x00]         /* 32 bits a frame, read after command and address */
    movs r1, #0
    str r1, [r3, #0x04]
    ldr r1, =(0x03 << 24) | (2 << 8) | (6 << 2)
    movs r2, #0xf4
    str r1, [r3, r2]            /* command 03h of 8 bits, address of 24 */
    movs r1, #1
    str r1, [r3, #0x08]
    pop {r0}
    cmp r0, #0
    beq into_flash
    bx r0                       /* called as a function: flash can be read again */
into_flash:
    ldr r0, =0x10000100
    ldr r1, =0xe000ed08
    str r0, [r1]                /* where the vectors are */
    ldmia r0, {r0, r1}
    msr msp, r0
    bx r1
    .pool
