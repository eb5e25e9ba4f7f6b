/* Solves one target, for the emulator to write down every instruction. */
#include "bench_solver.h"

#include "semihost.h"

int main(void);

int main(void) {
    float target[BENCH_TARGET], q[BENCH_JOINTS];
    BENCH_INFO info;
    const int32_t from = semihost_open("targets.bin", 0);
    if (semihost_read(from, target, sizeof(target)) != sizeof(target)) {
        semihost_fail("targets.bin is too short");
    }
    semihost_close(from);
    (void)BENCH_SOLVE(target, q, &info);
    return 0;
}
