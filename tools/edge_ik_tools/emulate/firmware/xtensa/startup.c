/* From reset to main: vectors, stack, data; an exception ends the emulator. */
#include <stdint.h>

#include "host.h"

extern uint32_t data_begin[], data_end[], data_stored[], bss_begin[], bss_end[];

int main(void);

void start(void);
void fault(void);

/* Of exceptions: of the kernel, of the user, and where one comes in another. */
__asm__(
    ".section .vectors, \"ax\"\n"
    ".global reset\n"
    ".begin no-transform\n"
    "reset:\n\t"
    "j begin\n"
    ".org 0x30\n\tj trap\n"
    ".org 0x50\n\tj trap\n"
    ".org 0x70\n\tj trap\n"
    ".end no-transform\n"
    ".section .text.begin, \"ax\"\n"
    ".align 4\n"
    "begin:\n\t"
    "movi a2, reset\n\t"
    "wsr a2, vecbase\n\t"
    "movi a1, stack_top\n\t"
    "call0 start\n"
    ".align 4\n"
    "trap:\n\t"
    "movi a1, stack_top\n\t"
    "call0 fault\n\t"
    ".text\n");

void fault(void) {
    host_fail("the core took a fault");
}

void start(void) {
    const uint32_t *from = data_stored;
    for (uint32_t *to = data_begin; to < data_end; ++to) {
        *to = *from++;
    }
    for (uint32_t *to = bss_begin; to < bss_end; ++to) {
        *to = 0;
    }
    host_exit(main());
}
