/* The solver's source once more, for what its interface hides. */
#define BENCH_STAGES
#include "bench_solver.h"

#include BENCH_SOURCE

#include "stages.h"

/* What a solver in integers takes of a target, of which `stage_target` tells it beforehand. */
#if EDGE_IK_FIXED
typedef int32_t number;
static goal_t goal;

void stage_target(const float target[]) {
    (void)goal_of(target, &goal);
}
#define OWN(target) ((void)(target), goal.own)
#else
typedef float number;

void stage_target(const float target[]) {
    (void)target;
}
#define OWN(target) (target)
#endif

/* What the network says, and how the target itself is turned, is kept between the stages. */
#if BRANCHES > 1
static guess_t guess;
#define output guess.y
#define turns guess.turns
#else
static network_t output[OUTPUT_ROOM];
#if TURNS > 0
static number turns[TURNS];
#endif
#endif

#if TURNS > 0
static void encode_stage(const float target[], network_t x[]) {
    encode(OWN(target), x, turns);
}
#elif EDGE_IK_FIXED
static void encode_stage(const float target[], network_t x[]) {
    encode(OWN(target), x);
}
#else
#define encode_stage encode
#endif

int32_t stage_branch = -1;

#if BRANCHES > 1
static void decode_stage(const network_t y[], number q[], number s[], number c[]) {
    (void)y;
#if UNTOLD
    if (stage_branch < 0) {
        look_beyond(&guess);
    }
#endif
    stage_branch = next_branch(&guess, stage_branch);
    seed_joints(&guess, stage_branch, q, s, c);
}
#elif TURNS > 0
static void decode_stage(const network_t y[], number q[], number s[], number c[]) {
    decode(y, turns, q, s, c);
}
#else
#define decode_stage decode
#endif

#if EDGE_IK_FIXED
static void refine_stage(const float target[], number q[], number s[], number c[]) {
    int64_t seed_squared;
    (void)refine(OWN(target), q, s, c, &seed_squared);
}
#else
#define refine_stage refine
#endif

const stage stage_encode = STAGE(encode_stage);
const stage stage_network = STAGE(network);
const stage stage_decode = STAGE(decode_stage);
const stage stage_refine = STAGE(refine_stage);

static network_t input[FEATURES];

void *const stage_input = input, *const stage_output = output;
const int32_t stage_features = FEATURES, stage_outputs = OUTPUTS;
const int32_t stage_width = sizeof(network_t);

#if EDGE_IK_FIXED
int32_t cold_solve(const float target[], float q[], float *squared) {
    static const float middle[BENCH_JOINTS] = BENCH_MIDDLE;
    posture_t posture;
    int32_t *const own = posture.near;
    int32_t s[BENCH_SEGMENTS], c[BENCH_SEGMENTS], dq[BENCH_JOINTS];
    (void)posture_of(middle, &posture);
    present_joints(own, own, s, c);
    for (int i = 0; i < BENCH_JOINTS; ++i) {
        q[i] = middle[i];
    }
    for (int32_t steps = 0;; ++steps) {
        int32_t strength, e[ROWS], left_over[ROWS], columns[ROWS * BENCH_JOINTS];
        const int64_t found = survey(OWN(target), s, c, FLOOR, &strength, e, columns);
        *squared = float_of_wide(found, SQUARED_BITS);
        if (*squared < BENCH_TOLERANCE * BENCH_TOLERANCE || steps == BENCH_COLD_STEPS) {
            return steps;
        }
        memcpy(left_over, e, sizeof e);
        solve_step(strength, e, columns, dq);
#if STOPS
        if (!stays_inside(own, dq)) {
            hold_limits(own, strength, left_over, columns, dq);
        }
#endif
        advance(own, s, c, dq);
    }
}
#else
int32_t cold_solve(const float target[], float q[], float *squared) {
    static const float middle[BENCH_JOINTS] = BENCH_MIDDLE;
    static const float sines[BENCH_SEGMENTS] = BENCH_MIDDLE_SINES;
    static const float cosines[BENCH_SEGMENTS] = BENCH_MIDDLE_COSINES;
    float s[BENCH_SEGMENTS], c[BENCH_SEGMENTS], dq[BENCH_JOINTS];
    for (int i = 0; i < BENCH_JOINTS; ++i) {
        q[i] = middle[i];
        s[i] = sines[i];
        c[i] = cosines[i];
    }
    for (int i = BENCH_JOINTS; i < BENCH_SEGMENTS; ++i) {
        s[i] = sines[i];
        c[i] = cosines[i];
    }
    for (int32_t steps = 0;; ++steps) {
        *squared = step(target, s, c, unheld, FLOOR, dq);
        if (*squared < BENCH_TOLERANCE * BENCH_TOLERANCE || steps == BENCH_COLD_STEPS) {
            return steps;
        }
#if STOPS
        if (advance(q, s, c, dq)) {
            float held[sizeof unheld / sizeof unheld[0]];
            take_back(q, s, c, dq, held);
            (void)step(target, s, c, held, FLOOR, dq);
            (void)advance(q, s, c, dq);
        }
#else
        (void)advance(q, s, c, dq);
#endif
    }
}
#endif
