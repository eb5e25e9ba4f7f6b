/* Arm semihosting: files of the host, and the end of the emulation. */
#ifndef SEMIHOST_H
#define SEMIHOST_H

#include <stddef.h>
#include <stdint.h>

/* A handle of the file, read as bytes or, with `write`, emptied; a failure ends the emulation. */
int32_t semihost_open(const char *path, int write);

/* Bytes read, fewer than `size` at the file's end. */
size_t semihost_read(int32_t handle, void *data, size_t size);

void semihost_write(int32_t handle, const void *data, size_t size);

void semihost_close(int32_t handle);

void semihost_exit(int code) __attribute__((noreturn));

/* Say why on the console and end the emulation with code 2. */
void semihost_fail(const char *reason) __attribute__((noreturn));

#endif
