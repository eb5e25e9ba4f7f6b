/* Writes what both functions for servos give for every row of rows.h, and what they took. */
#include "counter.h"
#include "robot.h"
#include "rows.h"
#include "host.h"

static uint16_t pulses[2][ROWS][ROBOT_JOINTS];
static uint32_t taken[2][ROWS];
static int32_t held[2][ROWS];

int main(void)
{
    counter_start();
    stack_paint();
    for (int i = 0; i < ROWS; ++i) {
        taken[0][i] = count(STAGE(robot_servo), q[i], pulses[0][i], 0, 0, 0, &held[0][i]);
        taken[1][i] = count(STAGE(robot_servo_urad), q_urad[i], pulses[1][i], 0, 0, 0, &held[1][i]);
    }
    const int32_t to = host_open("servos.bin", 1);
    host_write(to, pulses, sizeof pulses);
    host_write(to, held, sizeof held);
    host_write(to, taken, sizeof taken);
    host_close(to);
    return 0;
}
