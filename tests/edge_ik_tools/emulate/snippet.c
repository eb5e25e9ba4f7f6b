/* Counts a function of given assembly code and says what it took. */
#include "counter.h"
#include "host.h"

void snippet(void);

/* A stack frame may be part of the code; the return is added. */
#ifdef __XTENSA__
__asm__(".text\n.align 4\n.global snippet\nsnippet:\n\t" SNIPPET "\n\tret\n");
#else
__attribute__((naked, noinline)) void snippet(void) {
#ifdef __arm__
    __asm__ volatile(".syntax unified\n\t" SNIPPET "\n\tbx lr\n\t.ltorg");
#else
    __asm__ volatile(SNIPPET "\n\tret");
#endif
}
#endif

int main(void) {
    uint32_t found[3];
    int32_t ignored;
    counter_start();
    stack_paint();
    found[0] = count(STAGE(snippet), 0, 0, 0, 0, 0, &ignored);
    found[1] = stack_used();
    /* Begun in another phase of the timer's tick. */
    found[2] = count(STAGE(snippet), 0, 0, 0, 0, 0, &ignored);
    const int32_t to = host_open("counts.bin", 1);
    host_write(to, found, sizeof(found));
    host_close(to);
    return 0;
}
