/* A board that is a process: its serial line is standard input and output. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "edge_ik_board.h"

void edge_ik_board_init(void) {
}

uint8_t edge_ik_board_read(void) {
    uint8_t byte;
    if (read(0, &byte, 1) != 1) {
        exit(0);
    }
    return byte;
}

void edge_ik_board_write(uint8_t byte) {
    if (write(1, &byte, 1) != 1) {
        exit(1);
    }
}

uint32_t edge_ik_board_cycles(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        exit(1);
    }
    return (uint32_t)now.tv_sec * 1000000000U + (uint32_t)now.tv_nsec;
}

uint32_t edge_ik_board_cycles_hz(void) {
    return 1000000000U;
}
