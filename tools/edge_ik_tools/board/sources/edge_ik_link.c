/* The serial line between a board and the host; edge_ik_link.h describes it. */
#include "edge_ik_link.h"

#if EDGE_IK_LINK_MAX_BODY > 253
#error "A longer body needs COBS blocks of 254 bytes, which this encoder does not write."
#endif

/* Floats travel as their bits: the compiler stops here where a float has not four bytes. */
typedef char edge_ik_link_float_has_four_bytes[sizeof(float) == 4 ? 1 : -1];

#define HEADER_BYTES 2U /* type and sequence */
#define CRC_BYTES 4U
#define CRC_START 0xFFFFFFFFU

/* Four bits at a time: 64 bytes of table instead of 1,024. */
static const uint32_t crc_table[16] = {
    0x00000000U, 0x1DB71064U, 0x3B6E20C8U, 0x26D930ACU, 0x76DC4190U, 0x6B6B51F4U,
    0x4DB26158U, 0x5005713CU, 0xEDB88320U, 0xF00F9344U, 0xD6D6A3E8U, 0xCB61B38CU,
    0x9B64C2B0U, 0x86D3D2D4U, 0xA00AE278U, 0xBDBDF21CU,
};

static uint32_t crc_add(uint32_t crc, uint8_t byte) {
    crc ^= byte;
    crc = (crc >> 4) ^ crc_table[crc & 15U];
    return (crc >> 4) ^ crc_table[crc & 15U];
}

uint8_t *edge_ik_link_put_u32(uint8_t *bytes, uint32_t value) {
    unsigned i;
    for (i = 0; i < 4U; i++) {
        bytes[i] = (uint8_t)(value >> (8U * i));
    }
    return bytes + 4;
}

uint32_t edge_ik_link_get_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* A union, because a pointer to another type may not be followed in C. */
typedef union {
    float number;
    uint32_t bits;
} float_bits;

uint8_t *edge_ik_link_put_f32(uint8_t *bytes, float value) {
    float_bits both;
    both.number = value;
    return edge_ik_link_put_u32(bytes, both.bits);
}

float edge_ik_link_get_f32(const uint8_t *bytes) {
    float_bits both;
    both.bits = edge_ik_link_get_u32(bytes);
    return both.number;
}

static void begin_frame(edge_ik_link_parser *parser) {
    parser->size = 0;
    parser->left = 0;
    parser->begun = false;
    parser->too_long = false;
}

void edge_ik_link_init(edge_ik_link_parser *parser) {
    begin_frame(parser);
    parser->whole = 0;
    parser->bad_crc = 0;
    parser->malformed = 0;
}

static void append(edge_ik_link_parser *parser, uint8_t byte) {
    if (parser->size < EDGE_IK_LINK_MAX_BODY) {
        parser->body[parser->size++] = byte;
    } else {
        parser->too_long = true;
    }
}

static edge_ik_link_event end_frame(edge_ik_link_parser *parser, edge_ik_link_message *message) {
    uint32_t crc = CRC_START;
    uint16_t size = parser->size;
    uint16_t i;
    /* A frame that ends before the bytes its last code promised was cut. */
    bool complete = parser->left == 0 && !parser->too_long && size >= HEADER_BYTES + CRC_BYTES;

    begin_frame(parser);
    if (!complete) {
        parser->malformed++;
        return EDGE_IK_LINK_MALFORMED;
    }
    size = (uint16_t)(size - CRC_BYTES);
    for (i = 0; i < size; i++) {
        crc = crc_add(crc, parser->body[i]);
    }
    if (~crc != edge_ik_link_get_u32(parser->body + size)) {
        parser->bad_crc++;
        return EDGE_IK_LINK_BAD_CRC;
    }
    parser->whole++;
    message->type = parser->body[0];
    message->sequence = parser->body[1];
    message->size = (uint8_t)(size - HEADER_BYTES);
    message->payload = parser->body + HEADER_BYTES;
    return EDGE_IK_LINK_MESSAGE;
}

edge_ik_link_event edge_ik_link_push(edge_ik_link_parser *parser, uint8_t byte,
                                     edge_ik_link_message *message) {
    if (byte == 0) {
        return parser->begun ? end_frame(parser, message) : EDGE_IK_LINK_NOTHING;
    }
    if (parser->left == 0) {
        /* A code: the zero that ended the block before, and the length of the next. */
        if (parser->begun) {
            append(parser, 0);
        }
        parser->begun = true;
        parser->left = (uint8_t)(byte - 1U);
    } else {
        append(parser, byte);
        parser->left--;
    }
    return EDGE_IK_LINK_NOTHING;
}

/* What the encoder has written: the code of the open block stands at `code`. */
typedef struct {
    uint8_t *frame;
    size_t size;
    size_t code;
    uint32_t crc;
} writer;

static void write_byte(writer *to, uint8_t byte) {
    to->crc = crc_add(to->crc, byte);
    if (byte == 0) {
        to->frame[to->code] = (uint8_t)(to->size - to->code);
        to->code = to->size;
    } else {
        to->frame[to->size] = byte;
    }
    to->size++;
}

size_t edge_ik_link_encode(uint8_t frame[EDGE_IK_LINK_MAX_FRAME], uint8_t type, uint8_t sequence,
                           const uint8_t *payload, size_t size) {
    writer to = {frame, 2, 1, CRC_START};
    uint8_t check[CRC_BYTES];
    size_t i;

    if (size > EDGE_IK_LINK_MAX_PAYLOAD) {
        return 0;
    }
    frame[0] = 0;
    write_byte(&to, type);
    write_byte(&to, sequence);
    for (i = 0; i < size; i++) {
        write_byte(&to, payload[i]);
    }
    (void)edge_ik_link_put_u32(check, ~to.crc);
    for (i = 0; i < CRC_BYTES; i++) {
        write_byte(&to, check[i]);
    }
    frame[to.code] = (uint8_t)(to.size - to.code);
    frame[to.size] = 0;
    return to.size + 1;
}
