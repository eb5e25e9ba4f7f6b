/* A board with a Cortex-M3, M4, M7, M33 or M55: adapt what stands between the two lines.
 *
 * The cycle counter is the core's own (DWT) and needs nothing but its frequency. A Cortex-M0
 * or M0+ has none: let edge_ik_board_cycles return a timer that counts up, and
 * edge_ik_board_cycles_hz the timer's frequency.
 *
 * Most serial ports are two flags and one or two data registers. The numbers below are those
 * of USART2 of an STM32F4 as an example; those of your chip are in its reference manual. Some
 * ports stop receiving after an overrun until a flag is cleared: do so in edge_ik_board_read.
 *
 * Counts include whatever interrupts the solve: leave interrupts off, or know what they take.
 * Do not link with link-time optimization: it may move work across a reading of the counter.
 */
#include "edge_ik_board.h"

/* ---------------------------------------------------------------------- adapt from here */
#ifndef EDGE_IK_BOARD_READY
#error "Adapt the numbers below and start_clock_and_uart to your board, then remove this line."
#endif

/* Frequency of the core after start_clock_and_uart [Hz]. */
#define CORE_HZ 16000000U

#define UART_STATUS 0x40004400U        /* flags */
#define UART_RECEIVED 0x40004404U      /* a byte that came */
#define UART_SEND 0x40004404U          /* a byte to send; often the same register */
#define UART_IS_RECEIVED (1U << 5)     /* flag: a byte came */
#define UART_CAN_SEND (1U << 7)        /* flag: there is room for a byte */

/* Start the clock; connect the port to its pins; 115200 baud, 8N1; switch it on. Your
 * vendor's initialization code can be called from here. */
static void start_clock_and_uart(void) {
}
/* ---------------------------------------------------------------------- to here */

#define REGISTER(address) (*(volatile uint32_t *)(address))

/* Registers of the core, alike on every Cortex-M that has the counter. */
#define DEMCR REGISTER(0xE000EDFCU)
#define DEMCR_TRCENA (1U << 24)
#define DWT_CTRL REGISTER(0xE0001000U)
#define DWT_CTRL_CYCCNTENA 1U
#define DWT_CYCCNT REGISTER(0xE0001004U)
/* Only a Cortex-M7 locks the counter; elsewhere the write has no effect. */
#define DWT_LAR REGISTER(0xE0001FB0U)
#define DWT_UNLOCK 0xC5ACCE55U

void edge_ik_board_init(void) {
    start_clock_and_uart();
    DEMCR |= DEMCR_TRCENA;
    DWT_LAR = DWT_UNLOCK;
    DWT_CYCCNT = 0;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
}

uint8_t edge_ik_board_read(void) {
    while ((REGISTER(UART_STATUS) & UART_IS_RECEIVED) == 0) {
    }
    return (uint8_t)REGISTER(UART_RECEIVED);
}

void edge_ik_board_write(uint8_t byte) {
    while ((REGISTER(UART_STATUS) & UART_CAN_SEND) == 0) {
    }
    REGISTER(UART_SEND) = byte;
}

uint32_t edge_ik_board_cycles(void) {
    return DWT_CYCCNT;
}

uint32_t edge_ik_board_cycles_hz(void) {
    return CORE_HZ;
}
