/* What a program needs of the host: its files, and the end of the emulation. */
#ifndef HOST_H
#define HOST_H

#include <stddef.h>
#include <stdint.h>

/* A handle of the file, read as bytes or, with `write`, emptied; a failure ends the emulation. */
int32_t host_open(const char *path, int write);

/* Bytes read, fewer than `size` at the file's end. */
size_t host_read(int32_t handle, void *data, size_t size);

void host_write(int32_t handle, const void *data, size_t size);

void host_close(int32_t handle);

void host_exit(int code) __attribute__((noreturn));

/* Say why on the console and end the emulation with code 2. */
void host_fail(const char *reason) __attribute__((noreturn));

#endif
