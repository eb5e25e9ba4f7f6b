/* Counts what a function takes, and how deep its stack gets. */
#include "counter.h"

#include "host.h"
#include "port.h"

extern paint stack_limit[];

static uint32_t empty;
static uintptr_t stack_before;

/* One function for all calls, so that all have the same overhead. */
__attribute__((noinline, noclone)) static uint32_t elapsed(stage f, const void *a, void *b, void *c,
                                                           void *d, void *e, int32_t *returned) {
    port_settle();
    stack_before = port_stack();
    const uint32_t begin = port_now();
    *returned = f(a, b, c, d, e);
    const uint32_t end = port_now();
    return port_between(begin, end);
}

void counter_start(void) {
    int32_t nothing;
    port_start();
    empty = elapsed(STAGE(empty_stage), 0, 0, 0, 0, 0, &nothing);
    if (count(STAGE(known_stage), 0, 0, 0, 0, 0, &nothing) != port_known) {
        host_fail("a function of known length was counted wrong");
    }
}

uint32_t count(stage f, const void *a, void *b, void *c, void *d, void *e, int32_t *returned) {
    return elapsed(f, a, b, c, d, e, returned) - empty + port_empty;
}

__attribute__((noinline)) void stack_paint(void) {
    const paint *const here = (const paint *)port_stack();
    for (volatile paint *cell = stack_limit; cell < here; ++cell) {
        *cell = PATTERN;
    }
}

__attribute__((noinline)) uint32_t stack_used(void) {
    const volatile paint *cell = stack_limit;
    if (*cell != PATTERN) {
        host_fail("the stack ran over");
    }
    while (*cell == PATTERN) {
        ++cell;
    }
    return (uintptr_t)cell < stack_before ? (uint32_t)(stack_before - (uintptr_t)cell) : 0;
}
