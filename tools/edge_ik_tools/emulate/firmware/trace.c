/* Solves one target, for the emulator to write down every instruction. */
#include "bench_solver.h"

#include "host.h"

int main(void);

int main(void) {
    float target[BENCH_TARGET], q[BENCH_JOINTS];
    BENCH_INFO info;
    const int32_t from = host_open("targets.bin", 0);
    if (host_read(from, target, sizeof(target)) != sizeof(target)) {
        host_fail("targets.bin is too short");
    }
    host_close(from);
    (void)BENCH_SOLVE(target, q, &info);
    return 0;
}
