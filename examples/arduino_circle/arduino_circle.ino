/* arm3 on a circle, by servos: track, turn the joints into pulses, send them. */

#include <Servo.h>
#include <arm3.h>

static const int PINS[ARM3_JOINTS] = {9, 10, 11};
static const unsigned long PERIOD_US = 20000; /* of the servos' pulses */
static Servo servos[ARM3_JOINTS];
static arm3_state path;
static float angle;
static unsigned long due;

void setup()
{
    static const float home[ARM3_JOINTS] = {0.0f, 0.85f, 1.375f};
    /* 0.1 rad in 20 ms are 5 rad/s: what a servo of 0.2 s for 60 degrees can do. */
    static const float max_step[ARM3_JOINTS] = {0.1f, 0.1f, 0.1f};
    arm3_track_start(&path, home, max_step);
    for (int i = 0; i < ARM3_JOINTS; ++i)
        servos[i].attach(PINS[i], 500, 2500);
    due = micros();
}

void loop()
{
    const float target[ARM3_TARGET] = {0.30f, 0.05f * sinf(angle), 0.20f + 0.05f * cosf(angle)};
    float q[ARM3_JOINTS];
    uint16_t pulses[ARM3_JOINTS];
    if (arm3_track(&path, target, q, NULL) != ARM3_BAD_TARGET) {
        arm3_servo(q, pulses);
        for (int i = 0; i < ARM3_JOINTS; ++i)
            servos[i].writeMicroseconds(static_cast<int>(pulses[i]));
    }
    angle += 0.02f;
    due += PERIOD_US;
    while (static_cast<long>(due - micros()) > 0) {
    }
}
