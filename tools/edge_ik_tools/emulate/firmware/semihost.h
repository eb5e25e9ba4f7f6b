/* The one instruction sequence of semihosting that differs from one kind of core to another. */
#ifndef SEMIHOST_H
#define SEMIHOST_H

#include <stdint.h>

int32_t semihost_call(uint32_t operation, const void *arguments);

#endif
