/* An exact counter of cycles from the three timers that every such part has.

   Timer 0 counts cycles and has 8 bits; timer 2 counts every 64th, timer 1 every 1024th. Between
   two readings the first gives the cycles modulo 2^8, the second to within 64 of them modulo
   2^14, the third to within 1024 modulo 2^26: each settles the bits that are above the one
   before, whatever its phase. */
#include "port.h"

#include <avr/io.h>

#ifdef __AVR_3_BYTE_PC__
#define RETURN_CYCLES 5
#define RETURN_ADDRESS "3"
#else
#define RETURN_CYCLES 4
#define RETURN_ADDRESS "2"
#endif

/* A loop of 250 takes three cycles each time but for the last. */
const uint32_t port_empty = RETURN_CYCLES, port_known = 1 + 3 * 250 - 1 + RETURN_CYCLES;

__attribute__((naked, noinline)) void empty_stage(void) {
    __asm__ volatile("ret");
}

__attribute__((naked, noinline)) void known_stage(void) {
    __asm__ volatile("ldi r24, 250\n1:\n\tdec r24\n\tbrne 1b\n\tret");
}

__attribute__((naked, noinline)) uint32_t port_now(void) {
    __asm__ volatile(
        "lds r22, %0\n\t"
        "lds r23, %1\n\t"
        "lds r24, %2\n\t"
        "lds r25, %2 + 1\n\t"
        "ret" ::"i"(_SFR_MEM_ADDR(TCNT0)),
        "i"(_SFR_MEM_ADDR(TCNT2)), "i"(_SFR_MEM_ADDR(TCNT1)));
}

uint32_t port_between(uint32_t begin, uint32_t end) {
    const uint32_t fine = (end - begin) & 0xFFu;
    const uint32_t middle = (((end >> 8) - (begin >> 8)) & 0xFFu) << 6;
    const uint32_t coarse = (((end >> 16) - (begin >> 16)) & 0xFFFFu) << 10;
    const uint32_t cycles = fine + ((middle - fine + (1u << 7)) & 0x3F00u);
    return cycles + ((coarse - cycles + ((uint32_t)1 << 13)) & 0x3FFC000u);
}

__attribute__((naked, noinline)) uintptr_t port_stack(void) {
    /* The pointer is to the first byte that is free; this call has put its return there. */
    __asm__ volatile(
        "in r24, __SP_L__\n\t"
        "in r25, __SP_H__\n\t"
        "adiw r24, 1 + " RETURN_ADDRESS "\n\t"
        "ret");
}

void port_start(void) {
    TCCR0B = _BV(CS00);
    TCCR2B = _BV(CS22);
    TCCR1B = _BV(CS12) | _BV(CS10);
}

void port_settle(void) {}
