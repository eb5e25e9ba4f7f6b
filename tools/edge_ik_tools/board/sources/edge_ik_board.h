/* What the benchmark needs of a board; one file per board implements it. */
#ifndef EDGE_IK_BOARD_H
#define EDGE_IK_BOARD_H

#include <stdint.h>

/* Start the clock, the serial line (8 data bits, no parity, 1 stop bit) and the counter. */
void edge_ik_board_init(void);

/* The next byte from the host; waits for it. */
uint8_t edge_ik_board_read(void);

/* Send a byte to the host; waits for room. */
void edge_ik_board_write(uint8_t byte);

/* A counter that goes up and wraps at 2^32. */
uint32_t edge_ik_board_cycles(void);

/* Counts of that counter a second [Hz]. */
uint32_t edge_ik_board_cycles_hz(void);

#endif
