/* The counter of instructions retired, which is exact under `-icount shift=0`. */
#include "port.h"

const uint32_t port_empty = 1, port_known = 1000;

__attribute__((naked, noinline)) void empty_stage(void) {
    __asm__ volatile("ret");
}

__attribute__((naked, noinline)) void known_stage(void) {
    __asm__ volatile(".rept 999\n\tnop\n\t.endr\n\tret");
}

__attribute__((naked, noinline)) uint32_t port_now(void) {
    __asm__ volatile(
        ".option push\n\t"
        ".option arch, +zicsr\n\t"
        "csrr a0, minstret\n\t"
        "ret\n\t"
        ".option pop");
}

uint32_t port_between(uint32_t begin, uint32_t end) {
    return end - begin;
}

__attribute__((naked, noinline)) uintptr_t port_stack(void) {
    __asm__ volatile("mv a0, sp\n\tret");
}

void port_start(void) {}

void port_settle(void) {}
