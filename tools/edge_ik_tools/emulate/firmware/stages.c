/* The solver's source once more, for what its interface hides. */
#define BENCH_STAGES
#include "bench_solver.h"

#include BENCH_SOURCE

#include "stages.h"

const stage stage_encode = STAGE(encode);
const stage stage_network = STAGE(network);
const stage stage_decode = STAGE(decode);
const stage stage_refine = STAGE(refine);

const int32_t stage_features = FEATURES, stage_outputs = OUTPUTS;
const int32_t stage_width = sizeof(network_t);

int32_t cold_solve(const float target[], float q[], float *squared) {
    static const float middle[BENCH_JOINTS] = BENCH_MIDDLE;
    static const float sines[BENCH_JOINTS] = BENCH_MIDDLE_SINES;
    static const float cosines[BENCH_JOINTS] = BENCH_MIDDLE_COSINES;
    float s[BENCH_JOINTS], c[BENCH_JOINTS], dq[BENCH_JOINTS];
    for (int i = 0; i < BENCH_JOINTS; ++i) {
        q[i] = middle[i];
        s[i] = sines[i];
        c[i] = cosines[i];
    }
    for (int32_t steps = 0;; ++steps) {
        *squared = step(target, s, c, dq);
        if (*squared < BENCH_TOLERANCE * BENCH_TOLERANCE || steps == BENCH_COLD_STEPS) {
            return steps;
        }
        advance(q, s, c, dq);
    }
}
