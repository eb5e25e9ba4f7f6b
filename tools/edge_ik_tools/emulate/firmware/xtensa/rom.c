/* What programs take from the chip's ROM, and the compiler's library therefore leaves out. */
#include <stdint.h>
#include <string.h>

typedef uint32_t __attribute__((may_alias)) word;

int64_t __muldi3(int64_t a, int64_t b);
uint64_t __udivdi3(uint64_t a, uint64_t b);
int64_t __divdi3(int64_t a, int64_t b);
uint32_t __udivsi3(uint32_t a, uint32_t b);

/* Whether both begin where words do. */
static int aligned(const void *a, const void *b) {
    return (((uintptr_t)a | (uintptr_t)b) & 3u) == 0;
}

void *memcpy(void *to, const void *from, size_t size) {
    char *out = to;
    const char *in = from;
    if (aligned(to, from)) {
        for (; size >= sizeof(word); size -= sizeof(word)) {
            *(word *)(void *)out = *(const word *)(const void *)in;
            out += sizeof(word);
            in += sizeof(word);
        }
    }
    for (; size > 0; --size) {
        *out++ = *in++;
    }
    return to;
}

void *memset(void *to, int value, size_t size) {
    for (char *out = to; size > 0; --size) {
        *out++ = (char)value;
    }
    return to;
}

size_t strlen(const char *text) {
    const char *end = text;
    while (*end) {
        ++end;
    }
    return (size_t)(end - text);
}

/* The core's products have 32 bits: those of halves, the lowest first. */
int64_t __muldi3(int64_t a, int64_t b) {
    const uint32_t al = (uint32_t)a, ah = (uint32_t)((uint64_t)a >> 32);
    const uint32_t bl = (uint32_t)b, bh = (uint32_t)((uint64_t)b >> 32);
    const uint32_t a0 = al & 0xFFFFu, a1 = al >> 16, b0 = bl & 0xFFFFu, b1 = bl >> 16;
    const uint32_t first = a1 * b0 + (a0 * b0 >> 16);
    const uint32_t second = a0 * b1 + (first & 0xFFFFu);
    const uint32_t upper = a1 * b1 + (first >> 16) + (second >> 16) + ah * bl + al * bh;
    return (int64_t)((uint64_t)upper << 32 | al * bl);
}

/* Quotients bit by bit: a solve has none. */
uint64_t __udivdi3(uint64_t a, uint64_t b) {
    uint64_t quotient = 0, rest = 0;
    for (int bit = 63; bit >= 0; --bit) {
        const uint64_t over = rest >> 63;
        rest = rest << 1 | (a >> bit & 1u);
        quotient <<= 1;
        if (over || rest >= b) {
            rest -= b;
            quotient |= 1u;
        }
    }
    return quotient;
}

int64_t __divdi3(int64_t a, int64_t b) {
    const uint64_t size = __udivdi3(a < 0 ? 0 - (uint64_t)a : (uint64_t)a,
                                    b < 0 ? 0 - (uint64_t)b : (uint64_t)b);
    return (int64_t)((a < 0) != (b < 0) ? 0 - size : size);
}

uint32_t __udivsi3(uint32_t a, uint32_t b) {
    return (uint32_t)__udivdi3(a, b);
}
