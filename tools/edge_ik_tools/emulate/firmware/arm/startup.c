/* From reset to main: vectors, floating point, data; a fault ends the emulator. */
#include <stdint.h>

#include "host.h"
#include "semihost.h"

extern uint32_t data_begin[], data_end[], data_stored[], bss_begin[], bss_end[], stack_top[];

int main(void);

void reset(void);

int32_t semihost_call(uint32_t operation, const void *arguments) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

static void fault(void) {
    host_fail("the core took a fault");
}

#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
/* Coprocessors 10 and 11 are the floating-point unit and, with MVE, the vectors. */
#define CPACR (*(volatile uint32_t *)0xE000ED88u)

static void enable_floating_point(void) {
    CPACR |= 0xFu << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}
#else
static void enable_floating_point(void) {}
#endif

void reset(void) {
    enable_floating_point();
    const uint32_t *from = data_stored;
    for (uint32_t *to = data_begin; to < data_end; ++to) {
        *to = *from++;
    }
    for (uint32_t *to = bss_begin; to < bss_end; ++to) {
        *to = 0;
    }
    host_exit(main());
}

typedef void (*handler)(void);

static const struct {
    uint32_t *stack;
    handler reset;
    handler faults[14];
} vectors __attribute__((section(".vectors"), used)) = {
    stack_top,
    reset,
    {fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault,
     fault},
};
