// The rest of the stub for a computer: 300 turns of the loop: six seconds.
#include <cstdio>

#include "Arduino.h"

static unsigned long now = 0;
SerialStub Serial;

void SerialStub::begin(unsigned long) {}
void SerialStub::print(const char *text) { std::printf("%s", text); }
void SerialStub::print(char letter) { std::printf("%c", letter); }
void SerialStub::print(long number) { std::printf("%ld", number); }
void SerialStub::print(unsigned long number) { std::printf("%lu", number); }
void SerialStub::print(double number, int digits) { std::printf("%.*f", digits, number); }
void SerialStub::println(const char *text) { std::printf("%s\n", text); }
unsigned long millis() { return now; }
unsigned long micros() { return 1000 * now; }
void delay(unsigned long milliseconds) { now += milliseconds; }

int main() {
    setup();
    for (int turn = 0; turn < 300; ++turn) {
        loop();
    }
    return 0;
}
