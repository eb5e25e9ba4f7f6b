/* An exact instruction counter from a timer that ticks once in many instructions.

   Under `-icount shift=0` an instruction takes one nanosecond of the emulator's clock, and
   SysTick counts ticks of READINGS / SCALE nanoseconds. READINGS readings of it, spaced by a
   number of instructions that has no common factor with READINGS, fall on every phase of a tick
   once, so that their sum is SCALE times the time in instructions plus a constant (Hermite's
   identity: floor(x) + floor(x + 1/n) + ... + floor(x + (n - 1)/n) = floor(n x)). */
#include "port.h"

#define SYST_CSR (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014u)

#define TEXT_OF(value) #value
#define TEXT(value) TEXT_OF(value)

const uint32_t port_empty = 1, port_known = 1000;

__attribute__((naked, noinline)) void empty_stage(void) {
    __asm__ volatile("bx lr");
}

__attribute__((naked, noinline)) void known_stage(void) {
    __asm__ volatile(".rept 999\n\tnop\n\t.endr\n\tbx lr");
}

/* The difference of two is SCALE times the instructions between. Seven instructions a reading. */
__attribute__((naked, noinline)) uint32_t port_now(void) {
    __asm__ volatile(
        ".syntax unified\n\t"
        "ldr r1, =0xE000E018\n\t"
        "movs r2, #" TEXT(READINGS) "\n\t"
        "movs r0, #0\n"
        "1:\n\t"
        "ldr r3, [r1]\n\t"
        "subs r0, r0, r3\n\t"
        "nop\n\t"
        "nop\n\t"
        "nop\n\t"
        "subs r2, #1\n\t"
        "bne 1b\n\t"
        "bx lr\n\t"
        ".ltorg");
}

uint32_t port_between(uint32_t begin, uint32_t end) {
    return (end - begin) / SCALE;
}

__attribute__((naked, noinline)) uintptr_t port_stack(void) {
    __asm__ volatile("mov r0, sp\n\tbx lr");
}

void port_start(void) {
    SYST_RVR = 0xFFFFFFu;
    SYST_CSR = 5; /* the core's clock, no interrupt */
}

/* The timer reads 0 until its next tick, which is no time. */
__attribute__((naked, noinline)) void port_settle(void) {
    __asm__ volatile(
        ".syntax unified\n\t"
        "ldr r0, =0xE000E018\n\t"
        "movs r1, #0\n\t"
        "str r1, [r0]\n\t"
        "movs r1, #" TEXT(READINGS) "\n"
        "1:\n\t"
        "subs r1, #1\n\t"
        "bne 1b\n\t"
        "bx lr\n\t"
        ".ltorg");
}
