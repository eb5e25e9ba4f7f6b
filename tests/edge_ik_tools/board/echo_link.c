/* Reads bytes and writes down what the parser makes of them: for each message 1, type, sequence,
   size, payload and its frame encoded again; for each damaged frame its event. */
#include <stdio.h>
#include <stdlib.h>

#include "edge_ik_link.h"

int main(void) {
    /* On the heap, where the sanitizers see what lies beyond. */
    edge_ik_link_parser *parser = malloc(sizeof *parser);
    uint8_t *frame = malloc(EDGE_IK_LINK_MAX_FRAME);
    edge_ik_link_message message;
    int byte;

    if (parser == NULL || frame == NULL) {
        return 1;
    }
    edge_ik_link_init(parser);
    while ((byte = getchar()) != EOF) {
        edge_ik_link_event event = edge_ik_link_push(parser, (uint8_t)byte, &message);
        if (event == EDGE_IK_LINK_NOTHING) {
            continue;
        }
        (void)putchar((int)event);
        if (event == EDGE_IK_LINK_MESSAGE) {
            size_t size;
            (void)putchar(message.type);
            (void)putchar(message.sequence);
            (void)putchar(message.size);
            (void)fwrite(message.payload, 1, message.size, stdout);
            size = edge_ik_link_encode(frame, message.type, message.sequence, message.payload,
                                       message.size);
            (void)putchar((int)size);
            (void)fwrite(frame, 1, size, stdout);
        }
    }
    free(frame);
    free(parser);
    return 0;
}
