/* The smallest program, with the solver or without: the difference is what it takes. */
#ifdef WITH_SOLVER
#include "bench_solver.h"

#define KEPT ((void (*)(void))BENCH_SOLVE)
#else
#define KEPT ((void (*)(void))0)
#endif

int main(void);

/* Volatile, so that the linker must keep what it points to. */
static void (*const volatile kept)(void) = KEPT;

int main(void) {
    return kept == (void (*)(void))0;
}
