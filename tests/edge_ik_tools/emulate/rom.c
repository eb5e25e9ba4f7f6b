/* Reads pairs of numbers and writes their products and quotients, then copies text. */
#include <string.h>

#include "host.h"

int main(void);

static struct {
    int64_t a, b;
} pair;

static struct {
    int64_t product, quotient;
    uint64_t unsigned_quotient;
    uint32_t short_quotient, none;
} found;

static char text[] = "0123456789abcdef", copy[40];

int main(void) {
    const int32_t from = host_open("pairs.bin", 0);
    const int32_t to = host_open("found.bin", 1);
    while (host_read(from, &pair, sizeof(pair)) == sizeof(pair)) {
        found.product = pair.a * pair.b;
        found.quotient = pair.a / pair.b;
        found.unsigned_quotient = (uint64_t)pair.a / (uint64_t)pair.b;
        found.short_quotient = (uint32_t)pair.a / ((uint32_t)pair.b | 1u);
        host_write(to, &found, sizeof(found));
    }
    for (volatile int32_t shift = 0; shift < 5; ++shift) {
        memset(copy, '.', sizeof(copy));
        memcpy(copy + 4, text + shift, strlen(text + shift));
        memcpy(copy + 24 + shift, text, 4);
        host_write(to, copy, sizeof(copy));
    }
    return 0;
}
