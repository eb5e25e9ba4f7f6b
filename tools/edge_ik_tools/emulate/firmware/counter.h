/* How many instructions, or cycles where those are counted, a call takes, and how much stack. */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdint.h>

/* Any function whose arguments are at most five pointers. */
typedef int32_t (*stage)(const void *a, void *b, void *c, void *d, void *e);

#define STAGE(function) ((stage)(void (*)(void))(function))

/* Once, before anything is counted; ends the emulation if what is known is counted wrong. */
void counter_start(void);

/* What it takes from the function's first instruction to its return, both included. `returned`
   gets what the register of a 32-bit result holds then. */
uint32_t count(stage f, const void *a, void *b, void *c, void *d, void *e, int32_t *returned);

/* The same of a function that returns an int: the upper half where those have 16 bits. */
static inline int32_t returned_int(int32_t returned) {
    return sizeof(int) == 2 ? returned >> 16 : returned;
}

/* Fill the free stack with a pattern. */
void stack_paint(void);

/* Bytes of stack that the last function counted has written since the last paint. */
uint32_t stack_used(void);

#endif
