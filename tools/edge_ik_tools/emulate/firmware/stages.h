/* The solver's inner stages and the baselines, each countable by itself. */
#ifndef STAGES_H
#define STAGES_H

#include <stdint.h>

#include "counter.h"

/* Tells the stages of a target, which those of a solver in integers take it from. */
void stage_target(const float target[]);

extern const stage stage_encode;   /* (target, x) */
extern const stage stage_network;  /* (x, y) */
extern const stage stage_decode;   /* (y, q, s, c): of the branch to try next */
extern const stage stage_refine;   /* (target, q, s, c, &seed_squared) */

extern const int32_t stage_features, stage_outputs, stage_width; /* width: bytes of an element */

/* What the network takes and gives. */
extern void *const stage_input, *const stage_output;

/* The branch that was decoded last, or -1: the most promising is next. */
extern int32_t stage_branch;

/* Steps of damped least squares from the middle of the limits until the tolerance holds or
   COLD_STEPS are taken; the last squared distance goes to `squared`. */
int32_t cold_solve(const float target[], float q[], float *squared);

/* Closed form of an arm of yaw, shoulder and elbow. */
int32_t closed_form(const float target[], float q[]);

#endif
