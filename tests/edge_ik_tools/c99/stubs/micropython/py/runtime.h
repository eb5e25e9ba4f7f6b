/* What the wrapper needs of MicroPython's run time. */
#ifndef PY_RUNTIME_STUB_H
#define PY_RUNTIME_STUB_H

#include "py/obj.h"

#define MP_ERROR_TEXT(text) text

void mp_raise_ValueError(const char *text) __attribute__((noreturn));

#endif
