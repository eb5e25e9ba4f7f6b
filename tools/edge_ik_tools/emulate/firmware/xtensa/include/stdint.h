/* The compiler's own; there is no C library for this core. */
#include <stdint-gcc.h>
