/* The Arm MPS2 board with the AN386 image, as QEMU emulates it (-machine mps2-an386). */
#include "edge_ik_board.h"

/* Both from Arm's Cortex-M System Design Kit, clocked at 25 MHz. */
#define CLOCK_HZ 25000000U
#define BAUD 115200U
#define UART 0x40004000U
#define TIMER 0x40000000U

#define REGISTER(base, offset) (*(volatile uint32_t *)((base) + (offset)))
#define UART_DATA REGISTER(UART, 0x00U)
#define UART_STATE REGISTER(UART, 0x04U) /* bit 0: transmitter full, bit 1: a byte is there */
#define UART_CONTROL REGISTER(UART, 0x08U)
#define UART_BAUD_DIVIDER REGISTER(UART, 0x10U)
#define TIMER_CONTROL REGISTER(TIMER, 0x00U)
#define TIMER_VALUE REGISTER(TIMER, 0x04U)
#define TIMER_RELOAD REGISTER(TIMER, 0x08U)

void edge_ik_board_init(void) {
    UART_BAUD_DIVIDER = CLOCK_HZ / BAUD;
    UART_CONTROL = 3U; /* transmit and receive */
    TIMER_RELOAD = UINT32_MAX;
    TIMER_VALUE = UINT32_MAX;
    TIMER_CONTROL = 1U;
}

uint8_t edge_ik_board_read(void) {
    while ((UART_STATE & 2U) == 0) {
    }
    return (uint8_t)UART_DATA;
}

void edge_ik_board_write(uint8_t byte) {
    while ((UART_STATE & 1U) != 0) {
    }
    UART_DATA = byte;
}

/* QEMU has no DWT: a timer that counts down stands in for it. */
uint32_t edge_ik_board_cycles(void) {
    return ~TIMER_VALUE;
}

uint32_t edge_ik_board_cycles_hz(void) {
    return CLOCK_HZ;
}
