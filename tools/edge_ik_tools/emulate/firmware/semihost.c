/* Semihosting of Arm, which RISC-V has too; the operations are those of ARM-software/abi-aa,
   semihosting.rst. */
#include "semihost.h"

#include "host.h"

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

int32_t host_open(const char *path, int write) {
    const uint32_t arguments[3] = {(uint32_t)path, write ? MODE_WRITE : MODE_READ, strlen(path)};
    const int32_t handle = semihost_call(SYS_OPEN, arguments);
    if (handle < 0) {
        host_fail(path);
    }
    return handle;
}

size_t host_read(int32_t handle, void *data, size_t size) {
    const uint32_t arguments[3] = {(uint32_t)handle, (uint32_t)data, size};
    return size - (size_t)semihost_call(SYS_READ, arguments);
}

void host_write(int32_t handle, const void *data, size_t size) {
    const uint32_t arguments[3] = {(uint32_t)handle, (uint32_t)data, size};
    if (semihost_call(SYS_WRITE, arguments) != 0) {
        host_fail("a file of answers could not be written");
    }
}

void host_close(int32_t handle) {
    const uint32_t arguments[1] = {(uint32_t)handle};
    semihost_call(SYS_CLOSE, arguments);
}

void host_exit(int code) {
    const uint32_t arguments[2] = {STOPPED_APPLICATION_EXIT, (uint32_t)code};
    for (;;) {
        semihost_call(SYS_EXIT_EXTENDED, arguments);
    }
}

void host_fail(const char *reason) {
    semihost_call(SYS_WRITE0, reason);
    host_exit(2);
}
