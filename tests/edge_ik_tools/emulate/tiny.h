/* A solver by hand for the arm of yaw, shoulder and elbow; its "network" is no network. */
#ifndef TINY_H
#define TINY_H

#include <stdint.h>

#define TINY_JOINTS 3
#define TINY_TARGET 3
#define TINY_STEPS 8
#define TINY_TOLERANCE 1e-3f

typedef enum { TINY_SOLVED = 0, TINY_UNREACHABLE = 1, TINY_BAD_TARGET = 2 } tiny_status;

typedef struct {
    float residual;
    float seed_residual;
    int32_t steps;
} tiny_info;

tiny_status tiny_solve(const float target[TINY_TARGET], float q[TINY_JOINTS], tiny_info *info);
tiny_status tiny_seed(const float target[TINY_TARGET], float q[TINY_JOINTS]);
void tiny_forward(const float q[TINY_JOINTS], float T_base_tool[12]);

#endif
