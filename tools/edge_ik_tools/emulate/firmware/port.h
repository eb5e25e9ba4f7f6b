/* What the counter needs of a kind of core: a timer, the stack, functions of known length. */
#ifndef PORT_H
#define PORT_H

#include <stdint.h>

/* What the stack is painted with: of the size that its depth is measured in. */
#ifdef __AVR__
typedef uint8_t paint;
#define PATTERN 0xA5u
#else
typedef uint32_t paint;
#define PATTERN 0x5AFEC0DEu
#endif

/* The timer, before anything is counted. */
void port_start(void);

/* Before each count: the timer is far from where it runs over. Uses no stack. */
void port_settle(void);

/* The time; uses no stack, and takes as long each time. */
uint32_t port_now(void);

/* Instructions, or cycles where those are counted, from one time to another. */
uint32_t port_between(uint32_t begin, uint32_t end);

/* The lowest address that the caller's stack has in use. A function, for the compiler moves
   its pushes around a bare instruction. */
uintptr_t port_stack(void);

/* Functions that do nothing, and what they take, the return included. */
void empty_stage(void);
void known_stage(void);

extern const uint32_t port_empty, port_known;

#endif
