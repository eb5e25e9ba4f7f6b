/* Follows a path by tracking, and by the nearest answer each time, and writes down what each took. */
#include "bench_solver.h"

#include "counter.h"
#include "semihost.h"

struct followed {
    float q[BENCH_JOINTS], near[BENCH_JOINTS];
    int32_t status, near_status, asked;
    uint32_t track, solve_near, stack;
};

static BENCH_STATE state;
static struct followed followed;

int main(void);

int main(void) {
    float target[BENCH_TARGET], q[BENCH_JOINTS];
    BENCH_INFO info;
    const int32_t from = semihost_open("path.bin", 0);
    const int32_t to = semihost_open("followed.bin", 1);
    if (semihost_read(from, q, sizeof(q)) != sizeof(q)) {
        semihost_fail("path.bin is too short");
    }
    BENCH_TRACK_START(&state, q, 0);
    for (int i = 0; i < BENCH_JOINTS; ++i) {
        followed.near[i] = q[i];
    }
    counter_start();
    while (semihost_read(from, target, sizeof(target)) == sizeof(target)) {
        const uint32_t runs = state.network_runs;
        stack_paint();
        followed.track =
            count(STAGE(BENCH_TRACK), &state, target, followed.q, &info, 0, &followed.status);
        followed.stack = stack_used();
        followed.asked = state.network_runs != runs;
        followed.solve_near = count(STAGE(BENCH_SOLVE_NEAR), target, followed.near, followed.near,
                                    &info, 0, &followed.near_status);
        semihost_write(to, &followed, sizeof(followed));
    }
    semihost_close(from);
    semihost_close(to);
    return 0;
}
