// The rest of the stub for a board without a line: enough to link.
#include "Arduino.h"

SerialStub Serial;

void SerialStub::begin(unsigned long) {}
void SerialStub::print(const char *) {}
void SerialStub::print(char) {}
void SerialStub::print(long) {}
void SerialStub::print(unsigned long) {}
void SerialStub::print(double, int) {}
void SerialStub::println(const char *) {}
unsigned long millis() { return 0; }
unsigned long micros() { return 0; }
void delay(unsigned long) {}

int main() {
    setup();
    for (;;) {
        loop();
    }
}
