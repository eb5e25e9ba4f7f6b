/* Follows a path by tracking, and by the nearest answer each time, and writes down what each took. */
#include "bench_solver.h"

#include "counter.h"
#include "host.h"

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
    const int32_t from = host_open("path.bin", 0);
    const int32_t to = host_open("followed.bin", 1);
    if (host_read(from, q, sizeof(q)) != sizeof(q)) {
        host_fail("path.bin is too short");
    }
    BENCH_TRACK_START(&state, q, 0);
    for (int i = 0; i < BENCH_JOINTS; ++i) {
        followed.near[i] = q[i];
    }
    counter_start();
    while (host_read(from, target, sizeof(target)) == sizeof(target)) {
        const uint32_t runs = state.network_runs;
        int32_t status, near_status;
        stack_paint();
        followed.track =
            count(STAGE(BENCH_TRACK), &state, target, followed.q, &info, 0, &status);
        followed.status = returned_int(status);
        followed.stack = stack_used();
        followed.asked = state.network_runs != runs;
        followed.solve_near = count(STAGE(BENCH_SOLVE_NEAR), target, followed.near, followed.near,
                                    &info, 0, &near_status);
        followed.near_status = returned_int(near_status);
        host_write(to, &followed, sizeof(followed));
    }
    host_close(from);
    host_close(to);
    return 0;
}
