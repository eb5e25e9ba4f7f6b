/* Fuzz target: whatever floats a solver is given, what it promises must hold.

   clang -std=c99 -g -O1 -fsanitize=fuzzer,address,undefined,float-cast-overflow
       -fno-sanitize-recover=undefined,float-cast-overflow -IFOLDER fuzz_solve.c FOLDER/NAME.c

   FOLDER has NAME.h and NAME.c as generated, and fuzz_robot.h, which test_fuzz.py writes: the
   solver's names under the ones used here, and its limits in double precision. On Debian
   libFuzzer is in libclang-rt-dev. With -DREPLAY the target has a main of its own, which
   reads inputs from standard input, 12 + 8 * JOINTS bytes each. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_robot.h"

/* Rounding of a few dozen operations in single precision, on an arm of about a metre. */
#define ROUNDING 1e-5
/* The same for a large number. */
#define RELATIVE 1e-6
#define FARTHEST 1e6
#if defined(EDGE_IK_FIXED) && EDGE_IK_FIXED
#define IN_INTEGERS 1
#else
#define IN_INTEGERS 0
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EXPECT(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            fprintf(stderr, "target %a %a %a\n", (double)target[0], (double)target[1], \
                    (double)target[2]); \
            abort(); \
        } \
    } while (0)

static double length(const float target[3]) {
    return sqrt((double)target[0] * target[0] + (double)target[1] * target[1] +
                (double)target[2] * target[2]);
}

/* The distance of the target from where `FORWARD` says the tool is. */
static double distance_at(const float q[JOINTS], const float target[3]) {
    float T[12];
    double squared = 0.0;
    FORWARD(q, T);
    for (int k = 0; k < 3; k++) {
        const double e = (double)target[k] - (double)T[4 * k + 3];
        squared += e * e;
    }
    return sqrt(squared);
}

static void expect_limits(const float q[JOINTS], const float target[3]) {
    for (int k = 0; k < JOINTS; k++) {
        EXPECT((double)q[k] >= lower_limit[k] && (double)q[k] <= upper_limit[k]);
    }
}

/* The same of an answer near others: a joint that turns without end may be turns away. */
static void expect_limits_near(const float q[JOINTS], const float target[3]) {
    for (int k = 0; k < JOINTS; k++) {
        EXPECT(endless[k] ? fabs((double)q[k]) < 2e6
                          : (double)q[k] >= lower_limit[k] && (double)q[k] <= upper_limit[k]);
    }
}

static void expect_solve(const float target[3]) {
    float q[JOINTS], again[JOINTS], seed[JOINTS], near[JOINTS], untouched[JOINTS];
    INFO info, repeated;
    const double far = length(target);
    for (int k = 0; k < JOINTS; k++) {
        q[k] = again[k] = seed[k] = untouched[k] = 1.25e9f;
    }
    const int status = (int)SOLVE(target, q, &info), seed_status = (int)SEED(target, seed);

    EXPECT(status == SOLVED || status == UNREACHABLE || status == BAD_TARGET);
    EXPECT(seed_status == SOLVED || seed_status == UNREACHABLE || seed_status == BAD_TARGET);
    EXPECT((status == BAD_TARGET) == (seed_status == BAD_TARGET));
    EXPECT((int)SOLVE(target, again, NULL) == status && memcmp(q, again, sizeof q) == 0);
    EXPECT((int)SOLVE(target, again, &repeated) == status);
    EXPECT(memcmp(&info, &repeated, sizeof info) == 0);

    if (status == BAD_TARGET) {
        EXPECT(!(far <= FARTHEST * (1.0 - RELATIVE)));
        EXPECT(info.steps == 0 && info.residual > 1e19f && info.seed_residual > 1e19f);
        EXPECT(memcmp(q, untouched, sizeof q) == 0 && memcmp(seed, untouched, sizeof q) == 0);
        return;
    }
    expect_limits(q, target);
    expect_limits(seed, target);
    /* From the answer itself, further steps cannot lose what was reached. */
    memcpy(near, q, sizeof near);
    EXPECT((int)SOLVE_NEAR(target, near, near, &repeated) == SOLVED || status != SOLVED);
    expect_limits_near(near, target);
    EXPECT(far <= FARTHEST * (1.0 + RELATIVE));
    EXPECT(info.steps == STEPS);
    EXPECT(info.residual >= 0.0f);
    /* Two roots that differ by less than they are rounded may come out in either order; steps beyond
       the usual ones begin with sines that are computed anew. */
    EXPECT((double)info.residual <= (double)info.seed_residual * (1.0 + RELATIVE) + ROUNDING);
    EXPECT(fabs(distance_at(q, target) - (double)info.residual) <= ROUNDING + RELATIVE * far);
    /* Integers bring far targets nearer, and tell the answer's distance for both. */
    EXPECT((IN_INTEGERS && far > REACH) ||
           fabs(distance_at(seed, target) - (double)info.seed_residual) <=
           ROUNDING + RELATIVE * far);
    EXPECT((status == SOLVED) == (info.residual < TOLERANCE) ||
           fabs((double)info.residual - (double)TOLERANCE) < 1e-9);
}

/* Whatever the present joints are, the answer nearest to them is one, or leaves them alone. */
static void expect_near(const float q_near[JOINTS], const float target[3]) {
    float q[JOINTS];
    INFO info;
    memcpy(q, q_near, sizeof q);
    const int status = (int)SOLVE_NEAR(target, q, q, &info);
    if (status == BAD_TARGET) {
        EXPECT(memcmp(q, q_near, sizeof q) == 0);
        return;
    }
    expect_limits_near(q, target);
    EXPECT((status == SOLVED) == (info.residual < TOLERANCE) ||
           fabs((double)info.residual - (double)TOLERANCE) < 1e-9);
}

/* Whatever is in a state, a call leaves it alone or moves no joint further than it may. */
static void expect_track(
    const float q_near[JOINTS], const float max_step[JOINTS], const float target[3], int started) {
    STATE state, before;
    float q[JOINTS];
    INFO info;
    memset(&state, 0, sizeof state);
    memcpy(state.q, q_near, sizeof state.q);
    memcpy(state.max_step, max_step, sizeof state.max_step);
    state.started = started;
    before = state;
    memcpy(q, q_near, sizeof q);
    const int status = (int)TRACK(&state, target, q, &info);
    if (status == BAD_TARGET) {
        EXPECT(memcmp(q, q_near, sizeof q) == 0 && memcmp(&state, &before, sizeof state) == 0);
        EXPECT(info.residual > 1e19f && info.steps == 0);
        return;
    }
    EXPECT(status == SOLVED || status == UNREACHABLE || (started && status == LIMITED));
    EXPECT(state.started == 1 && memcmp(q, state.q, sizeof q) == 0);
    EXPECT(state.network_runs <= 1 && state.network_runs + (uint32_t)started >= 1);
    expect_limits_near(q, target);
    for (int k = 0; started && k < JOINTS; k++) {
        const double from = endless[k] ? (double)q_near[k]
                                       : fmin(fmax((double)q_near[k], lower_limit[k]), upper_limit[k]);
        /* A few units of the last place of the larger of the two; integers have 2^-24 or finer. */
        const double rounding =
            3e-7 * fmax(fabs(from), fabs((double)q[k])) + (IN_INTEGERS ? 6e-8 : 1e-12);
        EXPECT(!(max_step[k] > 0.0f) || fabs((double)q[k] - from) <= (double)max_step[k] + rounding);
    }
    EXPECT((status == SOLVED) == (info.residual < TOLERANCE) ||
           fabs((double)info.residual - (double)TOLERANCE) < 1e-9);
    /* A joint that is turns away is known less well. */
    double turned = 0.0;
    for (int k = 0; k < JOINTS; k++) {
        turned = fmax(turned, fabs((double)q[k]));
    }
    EXPECT(turned > 100.0 || fabs(distance_at(q, target) - (double)info.residual) <=
                                 ROUNDING + RELATIVE * length(target) + 4e-7 * turned * REACH);
}

static void expect_forward(const float q[JOINTS], const float target[3]) {
    float T[12];
    int small = 1;
    FORWARD(q, T);
    for (int k = 0; k < JOINTS; k++) {
        small = small && q[k] >= -100.0f && q[k] <= 100.0f;
    }
    for (int row = 0; small && row < 3; row++) {
        double squared = 0.0;
        for (int k = 0; k < 3; k++) {
            squared += (double)T[4 * row + k] * (double)T[4 * row + k];
        }
        EXPECT(fabs(squared - 1.0) < ROUNDING);
        EXPECT(fabs((double)T[4 * row + 3]) <= REACH + ROUNDING);
    }
}

/* The same bits as a number within `most` of 0: targets in reach are rare among all floats. */
static float tamed(float x, double most) {
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (float)(most * bits / 2147483648.0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    float numbers[3 + 2 * JOINTS] = {0};
    /* What a short input leaves out is 0. */
    memcpy(numbers, data, size < sizeof numbers ? size : sizeof numbers);
    expect_solve(numbers);
    expect_near(numbers + 3, numbers);
    expect_forward(numbers + 3, numbers);
    for (int started = 0; started < 2; started++) {
        expect_track(numbers + 3, numbers + 3 + JOINTS, numbers, started);
    }
    for (int k = 0; k < 3 + 2 * JOINTS; k++) {
        numbers[k] = tamed(numbers[k], k < 3 ? REACH : 10.0);
        /* Steps are no less than 0. */
        numbers[k] = k < 3 + JOINTS ? numbers[k] : fabsf(0.05f * numbers[k]);
    }
    expect_solve(numbers);
    expect_near(numbers + 3, numbers);
    expect_forward(numbers + 3, numbers);
    for (int started = 0; started < 2; started++) {
        expect_track(numbers + 3, numbers + 3 + JOINTS, numbers, started);
    }
    return 0;
}

#ifdef REPLAY
int main(void) {
    uint8_t data[4 * (3 + 2 * JOINTS)];
    while (fread(data, sizeof data, 1, stdin) == 1) {
        LLVMFuzzerTestOneInput(data, sizeof data);
    }
    return 0;
}
#endif
