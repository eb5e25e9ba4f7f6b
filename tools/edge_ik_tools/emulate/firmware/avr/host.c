/* Files of the host on a part without any: what is read stands in flash, what is written goes
   out on the first UART, a line of hexadecimal digits behind the file's name. A line of `=` and
   a number is the end. */
#include "host.h"

#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <avr/sleep.h>
#include <stdlib.h>
#include <string.h>

/* The emulator prints no line that is longer than 256 characters. */
enum { BYTES_IN_LINE = 64 };

extern const uint8_t targets_begin[] __attribute__((weak)), targets_end[] __attribute__((weak));
extern const uint8_t inputs_begin[] __attribute__((weak)), inputs_end[] __attribute__((weak));
extern const uint8_t path_begin[] __attribute__((weak)), path_end[] __attribute__((weak));

/* Flash beyond 64 KB is not reached by a pointer. */
#ifdef RAMPZ
#define FLASH_ADDRESS(name) pgm_get_far_address(name)
#define FLASH_BYTE(address) pgm_read_byte_far(address)
#else
#define FLASH_ADDRESS(name) ((uint32_t)(uintptr_t)(name))
#define FLASH_BYTE(address) pgm_read_byte((uintptr_t)(address))
#endif

/* Of the one file that is being read. */
static uint32_t next, end;

static void put(char character) {
    if (!(UCSR0B & _BV(TXEN0))) {
        UCSR0A = _BV(U2X0);
        UBRR0 = 0;
        UCSR0B = _BV(TXEN0);
    }
    while (!(UCSR0A & _BV(UDRE0))) {
    }
    UDR0 = (uint8_t)character;
}

static void put_text(const char *text) {
    while (*text) {
        put(*text++);
    }
}

static void put_digit(uint8_t digit) {
    put((char)(digit < 10 ? '0' + digit : 'a' + digit - 10));
}

int32_t host_open(const char *path, int write) {
    if (write) {
        return (int32_t)(uintptr_t)path;
    }
    if (strcmp(path, "targets.bin") == 0) {
        next = FLASH_ADDRESS(targets_begin);
        end = FLASH_ADDRESS(targets_end);
    } else if (strcmp(path, "inputs.bin") == 0) {
        next = FLASH_ADDRESS(inputs_begin);
        end = FLASH_ADDRESS(inputs_end);
    } else if (strcmp(path, "path.bin") == 0) {
        next = FLASH_ADDRESS(path_begin);
        end = FLASH_ADDRESS(path_end);
    } else {
        host_fail(path);
    }
    return 0;
}

size_t host_read(int32_t handle, void *data, size_t size) {
    (void)handle;
    uint8_t *to = data;
    size_t got = 0;
    while (got < size && next < end) {
        to[got++] = FLASH_BYTE(next);
        ++next;
    }
    return got;
}

void host_write(int32_t handle, const void *data, size_t size) {
    const uint8_t *from = data;
    for (size_t i = 0; i < size; ++i) {
        if (i % BYTES_IN_LINE == 0) {
            put_text((const char *)(uintptr_t)handle);
            put(':');
        }
        put_digit(from[i] >> 4);
        put_digit(from[i] & 15);
        if ((i + 1) % BYTES_IN_LINE == 0 || i + 1 == size) {
            put('\n');
        }
    }
}

void host_close(int32_t handle) {
    (void)handle;
}

void host_exit(int code) {
    put('=');
    put_digit((uint8_t)code & 15);
    put('\n');
    /* The emulator ends where nothing can wake the core. */
    cli();
    for (;;) {
        sleep_enable();
        sleep_cpu();
    }
}

void host_fail(const char *reason) {
    put_text(reason);
    put('\n');
    host_exit(2);
}

/* What follows main. */
void exit(int code) {
    host_exit(code);
}
