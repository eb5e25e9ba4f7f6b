/* Arm semihosting; the operations are those of ARM-software/abi-aa, semihosting.rst. */
#include "semihost.h"

#include <string.h>

enum {
    SYS_OPEN = 0x01,
    SYS_CLOSE = 0x02,
    SYS_WRITE0 = 0x04,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_EXIT_EXTENDED = 0x20
};

enum { MODE_READ = 1, MODE_WRITE = 5 };

#define STOPPED_APPLICATION_EXIT 0x20026u

static int32_t call(uint32_t operation, const void *arguments) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

int32_t semihost_open(const char *path, int write) {
    const uint32_t arguments[3] = {(uint32_t)path, write ? MODE_WRITE : MODE_READ, strlen(path)};
    const int32_t handle = call(SYS_OPEN, arguments);
    if (handle < 0) {
        semihost_fail(path);
    }
    return handle;
}

size_t semihost_read(int32_t handle, void *data, size_t size) {
    const uint32_t arguments[3] = {(uint32_t)handle, (uint32_t)data, size};
    return size - (size_t)call(SYS_READ, arguments);
}

void semihost_write(int32_t handle, const void *data, size_t size) {
    const uint32_t arguments[3] = {(uint32_t)handle, (uint32_t)data, size};
    if (call(SYS_WRITE, arguments) != 0) {
        semihost_fail("a file of answers could not be written");
    }
}

void semihost_close(int32_t handle) {
    const uint32_t arguments[1] = {(uint32_t)handle};
    call(SYS_CLOSE, arguments);
}

void semihost_exit(int code) {
    const uint32_t arguments[2] = {STOPPED_APPLICATION_EXIT, (uint32_t)code};
    for (;;) {
        call(SYS_EXIT_EXTENDED, arguments);
    }
}

void semihost_fail(const char *reason) {
    call(SYS_WRITE0, reason);
    semihost_exit(2);
}
