/* What a sketch sees of Arduino: the names that its cores, avr-libc, CMSIS and newlib are known to
   define as macros, and a serial line on standard output. */
#ifndef ARDUINO_STUB_H
#define ARDUINO_STUB_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Arduino's. */
#define HIGH 0x1
#define LOW 0x0
#define INPUT 0x0
#define OUTPUT 0x1
#define PI 3.1415926535897932384626433832795
#define HALF_PI 1.5707963267948966192313216916398
#define TWO_PI 6.283185307179586476925286766559
#define DEG_TO_RAD 0.017453292519943295769236907684886
#define RAD_TO_DEG 57.295779513082320876798154814105
#define EULER 2.718281828459045235360287471352
#define SERIAL 0x0
#define DISPLAY 0x1
#define LSBFIRST 0
#define MSBFIRST 1
#define CHANGE 1
#define FALLING 2
#define RISING 3
#define DEFAULT 1
#define EXTERNAL 0
#define INTERNAL 3
#define F(text) (text)
#define bit(b) (1UL << (b))
#define bitRead(value, bit) (((value) >> (bit)) & 0x01)
#define lowByte(w) ((uint8_t)((w) & 0xff))
#define highByte(w) ((uint8_t)((w) >> 8))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#undef abs
#define abs(x) ((x) > 0 ? (x) : -(x))
#define constrain(amt, low, high) ((amt) < (low) ? (low) : ((amt) > (high) ? (high) : (amt)))
#define round(x) ((x) >= 0 ? (long)((x) + 0.5) : (long)((x)-0.5))
#define radians(deg) ((deg)*DEG_TO_RAD)
#define degrees(rad) ((rad)*RAD_TO_DEG)
#define sq(x) ((x) * (x))
#define interrupts() ((void)0)
#define noInterrupts() ((void)0)
#define B0 0
#define B1 1
#define B01 1
#define B10 2
#define A0 14
#define A1 15
/* Those of registers, and of the C library's own. */
#define SP 0x3d
#define SREG 0x3f
#define PORTB 0x05
#define DSP 1
#define SCB 1
#define DWT 1
#define FPU 1
#define ITM 1
#define _U 01
#define _L 02
#define _N 04
#define _S 010
#define _P 020
#define _C 040
#define _X 0100
#define _B 0200
#define N 4
#define I2C 1

#ifdef __cplusplus

class SerialStub {
public:
    void begin(unsigned long baud);
    void print(const char *text);
    void print(char letter);
    void print(long number);
    void print(unsigned long number);
    void print(double number, int digits);
    void println(const char *text);
};
extern SerialStub Serial;

unsigned long millis();
unsigned long micros();
void delay(unsigned long milliseconds);
void setup();
void loop();

#endif
#endif
