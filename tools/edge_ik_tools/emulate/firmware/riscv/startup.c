/* From reset to main: stack, data; a trap ends the emulator. The call of semihosting is that of
   the RISC-V semihosting specification, 0.4: three instructions of four bytes, on one page. */
#include <stdint.h>

#include "host.h"
#include "semihost.h"

extern uint32_t data_begin[], data_end[], data_stored[], bss_begin[], bss_end[];

int main(void);

void reset(void);

__attribute__((naked, noinline, aligned(16))) int32_t semihost_call(uint32_t operation,
                                                                    const void *arguments) {
    (void)operation;
    (void)arguments;
    __asm__ volatile(
        ".option push\n\t"
        ".option norvc\n\t"
        "slli x0, x0, 0x1f\n\t"
        "ebreak\n\t"
        "srai x0, x0, 7\n\t"
        "ret\n\t"
        ".option pop");
}

__attribute__((aligned(4), used)) static void fault(void) {
    host_fail("the core took a fault");
}

__attribute__((used)) static void start(void) {
    const uint32_t *from = data_stored;
    for (uint32_t *to = data_begin; to < data_end; ++to) {
        *to = *from++;
    }
    for (uint32_t *to = bss_begin; to < bss_end; ++to) {
        *to = 0;
    }
    host_exit(main());
}

__attribute__((naked, section(".vectors"))) void reset(void) {
    __asm__ volatile(
        ".option push\n\t"
        ".option norelax\n\t"
        ".option arch, +zicsr\n\t"
        "la gp, __global_pointer$\n\t"
        "la sp, stack_top\n\t"
        "la t0, fault\n\t"
        "csrw mtvec, t0\n\t"
        ".option pop\n\t"
        "tail start");
}
