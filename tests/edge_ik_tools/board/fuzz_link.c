/* Fuzz target: the whole firmware reads arbitrary bytes, and all it writes must be frames.

   clang -std=c99 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
       -Dmain=firmware_main -IBOARD -IMODEL fuzz_link.c BOARD/edge_ik_bench_main.c
       BOARD/edge_ik_link.c MODEL/NAME.c

   BOARD and MODEL are the folders that write_board_firmware and the generator of NAME wrote.
   On Debian libFuzzer is in libclang-rt-dev. With -DREPLAY the target has a main of its own,
   which reads inputs from standard input, each behind its length in two bytes. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge_ik_board.h"
#include "edge_ik_link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int firmware_main(void);

static const uint8_t *input;
static size_t left;
static jmp_buf end_of_input;
static edge_ik_link_parser host;
static uint32_t clock_now;

void edge_ik_board_init(void) {
}

uint8_t edge_ik_board_read(void) {
    if (left == 0) {
        longjmp(end_of_input, 1);
    }
    left--;
    return *input++;
}

/* Whatever the firmware answers must be whole, and the same when it is encoded again. */
void edge_ik_board_write(uint8_t byte) {
    uint8_t again[EDGE_IK_LINK_MAX_FRAME];
    static uint8_t frame[EDGE_IK_LINK_MAX_FRAME];
    static size_t written;
    edge_ik_link_message message;
    edge_ik_link_event event = edge_ik_link_push(&host, byte, &message);

    if (written == sizeof frame) {
        abort();
    }
    frame[written++] = byte;
    if (event == EDGE_IK_LINK_BAD_CRC || event == EDGE_IK_LINK_MALFORMED) {
        abort();
    }
    if (event == EDGE_IK_LINK_MESSAGE) {
        size_t size = edge_ik_link_encode(again, message.type, message.sequence, message.payload,
                                          message.size);
        if (size != written || memcmp(again, frame, size) != 0 ||
            (message.type & EDGE_IK_LINK_ANSWER) == 0) {
            abort();
        }
        written = 0;
    }
}

uint32_t edge_ik_board_cycles(void) {
    return clock_now += 7U;
}

uint32_t edge_ik_board_cycles_hz(void) {
    return 25000000U;
}

/* The rest of the input as the payload of one whole frame: what a checksum lets through, which
   a fuzzer will hardly guess. */
static void fuzz_message(const uint8_t *data, size_t size) {
    static uint8_t frame[EDGE_IK_LINK_MAX_FRAME];
    size_t payload = size < 2 ? 0 : size - 2;
    if (size < 2) {
        return;
    }
    left = edge_ik_link_encode(frame, data[0], data[1], data + 2, payload);
    if ((left == 0) != (payload > EDGE_IK_LINK_MAX_PAYLOAD)) {
        abort();
    }
    input = frame;
    if (setjmp(end_of_input) == 0) {
        (void)firmware_main();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    edge_ik_link_init(&host);
    if (size > 0 && (data[0] & 1U) != 0) {
        fuzz_message(data + 1, size - 1);
        return 0;
    }
    input = data;
    left = size;
    if (setjmp(end_of_input) == 0) {
        (void)firmware_main();
    }
    return 0;
}

#ifdef REPLAY
#undef main
int main(void) {
    static uint8_t data[1024];
    int low, high;
    while ((low = getchar()) != EOF && (high = getchar()) != EOF) {
        size_t size = (size_t)low + 256U * (size_t)high;
        if (size > sizeof data || fread(data, 1, size, stdin) != size) {
            return 1;
        }
        (void)LLVMFuzzerTestOneInput(data, size);
    }
    return 0;
}
#endif
