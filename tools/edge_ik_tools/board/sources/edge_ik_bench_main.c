/* Benchmark firmware: reads targets from the serial line, answers with joints and cycles. */
#include "edge_ik_board.h"
#include "edge_ik_link.h"
#include "edge_ik_model.h"

#define HELLO_BYTES (4 + 4 + 4 + EDGE_IK_LINK_HASH_SIZE + (sizeof(EDGE_IK_MODEL_NAME) - 1))
#define SOLVE_BYTES (3 + 4 * 4 + 4 * EDGE_IK_MODEL_JOINTS)
#define COUNTERS_BYTES (3 * 4)
/* Readings of the counter, of which the closest pair tells what a reading takes. */
#define OVERHEAD_READINGS 16

/* The compiler stops here where a model does not fit into a message. */
typedef char hello_fits[HELLO_BYTES <= EDGE_IK_LINK_MAX_PAYLOAD ? 1 : -1];
typedef char solve_fits[SOLVE_BYTES <= EDGE_IK_LINK_MAX_PAYLOAD ? 1 : -1];
typedef char target_fits[1 + 4 * EDGE_IK_MODEL_TARGET <= EDGE_IK_LINK_MAX_PAYLOAD ? 1 : -1];
typedef char hash_fits[sizeof(EDGE_IK_MODEL_HASH) == EDGE_IK_LINK_HASH_SIZE + 1 ? 1 : -1];

static edge_ik_link_parser parser;
/* What two readings of the counter take with nothing between them. */
static uint32_t overhead;

static uint8_t *put_text(uint8_t *to, const char *text) {
    while (*text != '\0') {
        *to++ = (uint8_t)*text++;
    }
    return to;
}

static void send(uint8_t type, uint8_t sequence, const uint8_t *payload, size_t size) {
    uint8_t frame[EDGE_IK_LINK_MAX_FRAME];
    size_t i;
    size_t bytes = edge_ik_link_encode(frame, type, sequence, payload, size);
    for (i = 0; i < bytes; i++) {
        edge_ik_board_write(frame[i]);
    }
}

static void refuse(uint8_t sequence, uint8_t error, unsigned expected, unsigned received) {
    uint8_t payload[3];
    payload[0] = error;
    payload[1] = (uint8_t)expected;
    payload[2] = (uint8_t)received;
    send(EDGE_IK_LINK_ERROR, sequence, payload, sizeof payload);
}

/* Cycles from one reading of the counter to another, without those of reading it. */
static uint32_t between(uint32_t began, uint32_t ended) {
    uint32_t cycles = ended - began;
    return cycles > overhead ? cycles - overhead : 0;
}

static void measure_overhead(void) {
    int i;
    uint32_t least = UINT32_MAX;
    overhead = 0;
    for (i = 0; i < OVERHEAD_READINGS; i++) {
        uint32_t began = edge_ik_board_cycles();
        uint32_t ended = edge_ik_board_cycles();
        uint32_t cycles = between(began, ended);
        least = cycles < least ? cycles : least;
    }
    overhead = least;
}

static void answer_hello(const edge_ik_link_message *question) {
    uint8_t payload[HELLO_BYTES];
    uint8_t *to = payload;
    *to++ = EDGE_IK_LINK_VERSION;
    *to++ = EDGE_IK_MODEL_JOINTS;
    *to++ = EDGE_IK_MODEL_TARGET;
    *to++ = EDGE_IK_MODEL_STEPS;
    to = edge_ik_link_put_f32(to, EDGE_IK_MODEL_TOLERANCE);
    to = edge_ik_link_put_u32(to, edge_ik_board_cycles_hz());
    to = put_text(to, EDGE_IK_MODEL_HASH);
    (void)put_text(to, EDGE_IK_MODEL_NAME);
    send(EDGE_IK_LINK_HELLO | EDGE_IK_LINK_ANSWER, question->sequence, payload, sizeof payload);
}

static void answer_solve(const edge_ik_link_message *question) {
    float target[EDGE_IK_MODEL_TARGET];
    float q[EDGE_IK_MODEL_JOINTS];
    float q_seed[EDGE_IK_MODEL_JOINTS];
    edge_ik_model_info info; /* filled by every solve */
    uint8_t payload[SOLVE_BYTES];
    uint8_t *to = payload;
    uint32_t began, solved, seeded;
    int i, status;

    if (question->size < 1 || question->size != 1 + 4 * question->payload[0]) {
        refuse(question->sequence, EDGE_IK_LINK_WRONG_SIZE, 1 + 4 * EDGE_IK_MODEL_TARGET,
               question->size);
        return;
    }
    if (question->payload[0] != EDGE_IK_MODEL_TARGET) {
        refuse(question->sequence, EDGE_IK_LINK_WRONG_TARGET, EDGE_IK_MODEL_TARGET,
               question->payload[0]);
        return;
    }
    for (i = 0; i < EDGE_IK_MODEL_TARGET; i++) {
        target[i] = edge_ik_link_get_f32(question->payload + 1 + 4 * i);
    }
    for (i = 0; i < EDGE_IK_MODEL_JOINTS; i++) {
        q[i] = 0.0F;
    }
    began = edge_ik_board_cycles();
    status = (int)edge_ik_model_solve(target, q, &info);
    solved = edge_ik_board_cycles();
    (void)edge_ik_model_seed(target, q_seed);
    seeded = edge_ik_board_cycles();

    *to++ = (uint8_t)status;
    *to++ = (uint8_t)info.steps;
    *to++ = EDGE_IK_MODEL_JOINTS;
    to = edge_ik_link_put_f32(to, info.residual);
    to = edge_ik_link_put_f32(to, info.seed_residual);
    to = edge_ik_link_put_u32(to, between(began, solved));
    to = edge_ik_link_put_u32(to, between(solved, seeded));
    for (i = 0; i < EDGE_IK_MODEL_JOINTS; i++) {
        to = edge_ik_link_put_f32(to, q[i]);
    }
    send(EDGE_IK_LINK_SOLVE | EDGE_IK_LINK_ANSWER, question->sequence, payload, sizeof payload);
}

static void answer_counters(const edge_ik_link_message *question) {
    uint8_t payload[COUNTERS_BYTES];
    uint8_t *to = edge_ik_link_put_u32(payload, parser.whole);
    to = edge_ik_link_put_u32(to, parser.bad_crc);
    (void)edge_ik_link_put_u32(to, parser.malformed);
    send(EDGE_IK_LINK_COUNTERS | EDGE_IK_LINK_ANSWER, question->sequence, payload, sizeof payload);
}

static void answer(const edge_ik_link_message *question) {
    if (question->type == EDGE_IK_LINK_SOLVE) {
        answer_solve(question);
    } else if (question->type != EDGE_IK_LINK_HELLO && question->type != EDGE_IK_LINK_COUNTERS) {
        refuse(question->sequence, EDGE_IK_LINK_UNKNOWN_TYPE, 0, question->type);
    } else if (question->size != 0) {
        refuse(question->sequence, EDGE_IK_LINK_WRONG_SIZE, 0, question->size);
    } else if (question->type == EDGE_IK_LINK_HELLO) {
        answer_hello(question);
    } else {
        answer_counters(question);
    }
}

int main(void) {
    edge_ik_link_message question;
    edge_ik_board_init();
    edge_ik_link_init(&parser);
    measure_overhead();
    for (;;) {
        if (edge_ik_link_push(&parser, edge_ik_board_read(), &question) == EDGE_IK_LINK_MESSAGE) {
            answer(&question);
        }
    }
}
