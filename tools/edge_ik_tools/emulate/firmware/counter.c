/* An exact instruction counter from a timer that ticks once in many instructions.

   Under `-icount shift=0` an instruction takes one nanosecond of the emulator's clock, and
   SysTick counts ticks of READINGS / SCALE nanoseconds. READINGS readings of it, spaced by a
   number of instructions that has no common factor with READINGS, fall on every phase of a tick
   once, so that their sum is SCALE times the time in instructions plus a constant (Hermite's
   identity: floor(x) + floor(x + 1/n) + ... + floor(x + (n - 1)/n) = floor(n x)). */
#include "counter.h"

#include "semihost.h"

#define SYST_CSR (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014u)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018u)

#define TEXT_OF(value) #value
#define TEXT(value) TEXT_OF(value)

#define PATTERN 0x5AFEC0DEu

extern uint32_t stack_limit[];

static uint32_t empty;
static uint32_t stack_before;

void empty_stage(void);

/* One instruction that returns. */
__attribute__((naked, noinline)) void empty_stage(void) {
    __asm__ volatile("bx lr");
}

/* The time; the difference of two is SCALE times the instructions between. Seven instructions
   a reading; uses no stack. */
__attribute__((naked, noinline)) static uint32_t now(void) {
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

/* The caller's stack pointer. A function, for the compiler moves its own pushes around a bare
   instruction. */
__attribute__((naked, noinline)) static uint32_t stack_pointer(void) {
    __asm__ volatile("mov r0, sp\n\tbx lr");
}

static void restart(void) {
    SYST_CVR = 0;
    /* The timer reads 0 until its next tick, which is no time. */
    for (int i = 0; i < READINGS; ++i) {
        __asm__ volatile("nop");
    }
}

/* One function for all calls, so that all have the same overhead. */
__attribute__((noipa)) static uint32_t elapsed(stage f, const void *a, void *b, void *c, void *d,
                                               void *e, int32_t *returned) {
    restart();
    stack_before = stack_pointer();
    const uint32_t begin = now();
    *returned = f(a, b, c, d, e);
    const uint32_t end = now();
    return (end - begin) / SCALE;
}

void counter_start(void) {
    int32_t nothing;
    SYST_RVR = 0xFFFFFFu;
    SYST_CSR = 5; /* the core's clock, no interrupt */
    empty = elapsed(STAGE(empty_stage), 0, 0, 0, 0, 0, &nothing);
}

uint32_t count(stage f, const void *a, void *b, void *c, void *d, void *e, int32_t *returned) {
    return elapsed(f, a, b, c, d, e, returned) - empty + 1;
}

__attribute__((noinline)) void stack_paint(void) {
    const uint32_t *const here = (const uint32_t *)stack_pointer();
    for (volatile uint32_t *word = stack_limit; word < here; ++word) {
        *word = PATTERN;
    }
}

__attribute__((noinline)) uint32_t stack_used(void) {
    const volatile uint32_t *word = stack_limit;
    if (*word != PATTERN) {
        semihost_fail("the stack ran over");
    }
    while (*word == PATTERN) {
        ++word;
    }
    return (uint32_t)word < stack_before ? stack_before - (uint32_t)word : 0;
}
