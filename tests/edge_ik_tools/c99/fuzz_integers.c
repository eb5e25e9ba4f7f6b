/* Fuzz target: whatever integers firmware is given, what its functions of millionths promise
   must hold.

   clang -std=c99 -g -O1 -fsanitize=fuzzer,address,undefined,implicit-conversion
       -fno-sanitize-recover=all -DEDGE_IK_FIXED=1 -IFOLDER fuzz_integers.c FOLDER/NAME.c -lm

   FOLDER has NAME.h and NAME.c as generated, and fuzz_robot.h, which test_fuzz_integers.py
   writes: names, limits in millionths, and of what parts a target is. With -DREPLAY the target has
   a main of its own, which reads inputs from standard input, 4 * (TARGET + 2 * JOINTS) bytes
   each. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_robot.h"

#define COUNT (TARGET + 2 * JOINTS)
/* The tolerances in millionths, rounded up. */
#define TOLERANCE_UM 1000
#define TOLERANCE_URAD 1746

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EXPECT(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: not so: %s\ntarget", __FILE__, __LINE__, #condition); \
            for (int word = 0; word < TARGET; word++) { \
                fprintf(stderr, " %ld", (long)target[word]); \
            } \
            fprintf(stderr, "\n"); \
            abort(); \
        } \
    } while (0)

#if UNIT_SIZE
#define ROTATION(info) ((info).rotation_residual_urad)
#else
#define ROTATION(info) 0u
#endif

static void expect_limits(const int32_t q[JOINTS], const int32_t target[TARGET]) {
    for (int k = 0; k < JOINTS; k++) {
        EXPECT(endless[k] || (q[k] >= lower_limit[k] && q[k] <= upper_limit[k]));
    }
}

static void expect_told(int status, const INFO *info, const int32_t target[TARGET]) {
    EXPECT(status == SOLVED || status == UNREACHABLE || status == LIMITED);
    EXPECT(info->residual_um < 4294967295u);
    EXPECT(status != SOLVED ||
           (info->residual_um <= TOLERANCE_UM && ROTATION(*info) <= TOLERANCE_URAD));
    EXPECT(status == SOLVED || info->residual_um >= TOLERANCE_UM - 1 ||
           ROTATION(*info) >= TOLERANCE_URAD - 2);
    EXPECT(ROTATION(*info) <= 3141594u);
}

static void expect_bad(const INFO *info, const int32_t target[TARGET]) {
    EXPECT(info->residual_um == 4294967295u && info->steps == 0);
}

static void expect_solve(const int32_t target[TARGET]) {
    int32_t q[JOINTS], again[JOINTS], untouched[JOINTS];
    INFO info, repeated;
    for (int k = 0; k < JOINTS; k++) {
        q[k] = again[k] = untouched[k] = 2000000007;
    }
    const int status = (int)SOLVE(target, q, &info);
    EXPECT((int)SOLVE(target, again, NULL) == status && memcmp(q, again, sizeof q) == 0);
    EXPECT((int)SOLVE(target, again, &repeated) == status);
    EXPECT(memcmp(&info, &repeated, sizeof info) == 0);
    if (status == BAD_TARGET) {
        EXPECT(memcmp(q, untouched, sizeof q) == 0);
        expect_bad(&info, target);
        return;
    }
    EXPECT(status != LIMITED);
    expect_told(status, &info, target);
    for (int k = 0; k < JOINTS; k++) {
        EXPECT(q[k] >= lower_limit[k] && q[k] <= upper_limit[k]);
    }
}

static void expect_near(const int32_t q_near[JOINTS], const int32_t target[TARGET]) {
    int32_t q[JOINTS];
    INFO info;
    memcpy(q, q_near, sizeof q);
    const int status = (int)SOLVE_NEAR(target, q, q, &info);
    if (status == BAD_TARGET) {
        EXPECT(memcmp(q, q_near, sizeof q) == 0);
        expect_bad(&info, target);
        return;
    }
    EXPECT(status != LIMITED);
    expect_told(status, &info, target);
    expect_limits(q, target);
}

static void expect_track(
    const int32_t q_near[JOINTS], const int32_t max_step[JOINTS], const int32_t target[TARGET],
    int started) {
    STATE state, before;
    int32_t q[JOINTS];
    INFO info;
    int sizes = 1;
    memset(&state, 0, sizeof state);
    memcpy(state.q_urad, q_near, sizeof state.q_urad);
    memcpy(state.max_step_urad, max_step, sizeof state.max_step_urad);
    state.started = started;
    before = state;
    memcpy(q, q_near, sizeof q);
    for (int k = 0; k < JOINTS; k++) {
        sizes = sizes && max_step[k] >= 0;
    }
    const int status = (int)TRACK(&state, target, q, &info);
    if (status == BAD_TARGET) {
        EXPECT(memcmp(q, q_near, sizeof q) == 0 && memcmp(&state, &before, sizeof state) == 0);
        expect_bad(&info, target);
        return;
    }
    EXPECT(sizes);
    EXPECT(started || status != LIMITED);
    expect_told(status, &info, target);
    expect_limits(q, target);
    EXPECT(state.started == 1 && memcmp(q, state.q_urad, sizeof q) == 0);
    EXPECT(state.network_runs <= 1 && state.network_runs + (uint32_t)started >= 1);
    for (int k = 0; started && k < JOINTS; k++) {
        int64_t from = q_near[k];
        if (!endless[k]) {
            from = from < lower_limit[k] ? lower_limit[k] : (from > upper_limit[k] ? upper_limit[k] : from);
        }
        const int64_t way = q[k] > from ? q[k] - from : from - q[k];
        EXPECT(max_step[k] == 0 || way <= (int64_t)max_step[k] + 2);
    }
}

/* Unit vectors of arbitrary numbers, in millionths: targets are rare among all integers. */
static void make_units(int32_t target[TARGET]) {
#if UNIT_SIZE
    double u[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    for (int i = 0; i < UNIT_COUNT && i < 2; i++) {
        double along = 0, size = 0;
        for (int k = 0; k < UNIT_SIZE; k++) {
            u[i][k] = target[PLACES + UNIT_SIZE * i + k] / 2147483648.0 + (i == k ? 1e-9 : 0);
        }
        for (int k = 0; i == 1 && k < UNIT_SIZE; k++) {
            along += u[0][k] * u[1][k];
        }
        for (int k = 0; k < UNIT_SIZE; k++) {
            u[i][k] -= i == 1 ? along * u[0][k] : 0;
            size += u[i][k] * u[i][k];
        }
        for (int k = 0; k < UNIT_SIZE; k++) {
            u[i][k] = size > 1e-18 ? u[i][k] / sqrt(size) : (i == k);
        }
    }
    for (int k = 0; k < 3; k++) {
        const int m = (k + 1) % 3, n = (k + 2) % 3;
        u[2][k] = u[0][m] * u[1][n] - u[0][n] * u[1][m];
    }
    for (int i = 0; i < UNIT_COUNT; i++) {
        for (int k = 0; k < UNIT_SIZE; k++) {
            target[PLACES + UNIT_SIZE * i + k] = (int32_t)lround(1e6 * u[i][k]);
        }
    }
#else
    (void)target;
#endif
}

static void expect_all(const int32_t numbers[COUNT]) {
    expect_solve(numbers);
    expect_near(numbers + TARGET, numbers);
    for (int started = 0; started < 2; started++) {
        expect_track(numbers + TARGET, numbers + TARGET + JOINTS, numbers, started);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int32_t numbers[COUNT] = {0};
    /* What a short input leaves out is 0. */
    memcpy(numbers, data, size < sizeof numbers ? size : sizeof numbers);
    expect_all(numbers);
    make_units(numbers);
    for (int k = TARGET + JOINTS; k < COUNT; k++) {
        numbers[k] &= 0x7FFFFFFF;
    }
    expect_all(numbers);
    for (int k = 0; k < COUNT; k++) {
        const double most = k < PLACES ? REACH : k < TARGET + JOINTS ? 10e6 : 0.1e6;
        if (k < PLACES || k >= TARGET) {
            numbers[k] = (int32_t)(most * numbers[k] / 2147483648.0);
        }
    }
    expect_all(numbers);
    return 0;
}

#ifdef REPLAY
int main(void) {
    uint8_t data[4 * COUNT];
    while (fread(data, sizeof data, 1, stdin) == 1) {
        LLVMFuzzerTestOneInput(data, sizeof data);
    }
    return 0;
}
#endif
