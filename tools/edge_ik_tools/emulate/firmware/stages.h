/* The solver's inner stages and the baselines, each countable by itself. */
#ifndef STAGES_H
#define STAGES_H

#include <stdint.h>

#include "counter.h"

extern const stage stage_encode;   /* (target, x) */
extern const stage stage_network;  /* (x, y) */
extern const stage stage_decode;   /* (y, q, s, c) */
extern const stage stage_refine;   /* (target, q, s, c, &seed_squared) */

extern const int32_t stage_features, stage_outputs, stage_width; /* width: bytes of an element */

/* The most that any network here takes or gives, so that buffers have a size. */
#define MOST_FEATURES 32
#define MOST_OUTPUTS 32

/* Steps of damped least squares from the middle of the limits until the tolerance holds or
   COLD_STEPS are taken; the last squared distance goes to `squared`. */
int32_t cold_solve(const float target[], float q[], float *squared);

/* Closed form of an arm of yaw, shoulder and elbow. */
int32_t closed_form(const float target[], float q[]);

#endif
