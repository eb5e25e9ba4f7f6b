/* The closed form of an arm of yaw, shoulder and elbow, with a polynomial arctangent. */
#include "bench_solver.h"

#include "stages.h"

#ifdef CLOSED_FORM

#include <math.h>

#define PI 3.14159265f

/* Polynomial of the arctangent on [0, 1]: error below 3e-7 rad, less than rounding adds. */
static float arctangent(float y, float x) {
    const float ay = fabsf(y), ax = fabsf(x);
    const float large = ax > ay ? ax : ay, small = ax > ay ? ay : ax;
    const float t = large > 0.0f ? small / large : 0.0f, u = t * t;
    float angle = 0.00681179283f;
    angle = angle * u - 0.0336042195f;
    angle = angle * u + 0.0796236716f;
    angle = angle * u - 0.132333421f;
    angle = angle * u + 0.198078156f;
    angle = angle * u - 0.333173681f;
    angle = (angle * u + 0.999996112f) * t;
    angle = ay > ax ? 0.5f * PI - angle : angle;
    angle = x < 0.0f ? PI - angle : angle;
    return y < 0.0f ? -angle : angle;
}

static int within(const float q[]) {
    static const float lower[3] = CLOSED_FORM_LOWER, upper[3] = CLOSED_FORM_UPPER;
    for (int i = 0; i < 3; ++i) {
        if (q[i] < lower[i] || q[i] > upper[i]) {
            return 0;
        }
    }
    return 1;
}

int32_t closed_form(const float target[], float q[]) {
    const float a = CLOSED_FORM_UPPER_ARM, b = CLOSED_FORM_FOREARM;
    const float x = target[0], y = target[1], z = target[2] - CLOSED_FORM_HEIGHT;
    const float radial_squared = x * x + y * y, radial = sqrtf(radial_squared);
    /* The law of cosines gives the elbow; outside the reach the arm is straight or folded. */
    float cosine = (radial_squared + z * z - (a * a + b * b)) * (1.0f / (2.0f * a * b));
    cosine = cosine > 1.0f ? 1.0f : cosine < -1.0f ? -1.0f : cosine;
    const float sine = CLOSED_FORM_BEND * sqrtf(1.0f - cosine * cosine);
    /* The tool seen from the upper arm. */
    const float along = a + b * cosine, across = b * sine;
    const float yaw = arctangent(y, x);
    q[0] = CLOSED_FORM_YAW * yaw;
    q[1] = CLOSED_FORM_SHOULDER *
           arctangent(z * along - radial * across, radial * along + z * across);
    q[2] = CLOSED_FORM_ELBOW * arctangent(sine, cosine);
    if (within(q)) {
        return 1;
    }
    /* The other way: facing away, and reaching over the head. */
    q[0] = CLOSED_FORM_YAW * (yaw > 0.0f ? yaw - PI : yaw + PI);
    q[1] = CLOSED_FORM_SHOULDER *
           arctangent(z * along + radial * across, z * across - radial * along);
    return within(q);
}

#endif
