/* The serial line between a board and the host: frames with a checksum.
 *
 * Bytes on the line. A frame is a zero byte, the body encoded without zeros, and a zero byte:
 *
 *     00 | COBS(type, sequence, payload, CRC-32) | 00
 *
 *   - COBS (Consistent Overhead Byte Stuffing, Cheshire and Baker, 1999) takes every zero
 *     out of the body for one byte more. So a zero is always the end of a frame: after
 *     garbage, a cut frame or lost bytes the next frame is read whole, whatever it holds. A
 *     start byte with a length would lose the frames that a wrong length swallows. The zero
 *     in front ends whatever was on the line before; nothing between two zeros is no frame.
 *   - CRC-32 is that of zip and Ethernet (reflected, polynomial 0x04C11DB7), over type,
 *     sequence and payload, the lowest byte first. Of the damage it misses one in 4 billion;
 *     16 bits would miss one in 65,536, too often where an arm moves to what was read.
 *   - A body is at most EDGE_IK_LINK_MAX_BODY bytes, below COBS's block of 254.
 *   - Numbers have their lowest byte first; f32 is IEEE 754.
 *
 * Who speaks. The host asks and the board answers once; the board never speaks unasked. The
 * answer repeats the sequence number of its question, and its type has the top bit set. A
 * damaged frame is counted and answered with nothing: its sequence number cannot be trusted.
 * The host asks again, with the same number: every question may be asked twice.
 *
 *     type          payload
 *     01 hello      nothing
 *     81            u8 version, u8 joints, u8 floats in a target, u8 refinement steps,
 *                   f32 tolerance [m], u32 frequency of the cycle counter [Hz],
 *                   16 characters: the model's hash, the rest: its name
 *     02 solve      u8 count, f32 target[count] [m]
 *     82            u8 status (0 solved, 1 unreachable, 2 bad target), u8 steps, u8 joints,
 *                   f32 residual [m], f32 residual of the seed [m], u32 cycles of the solve,
 *                   u32 cycles of the seed alone, f32 q[joints] [rad, m]
 *     03 counters   nothing
 *     83            u32 frames read whole, u32 with a wrong checksum, u32 otherwise damaged
 *     FF            answer to what cannot be done: u8 error, u8 expected, u8 received
 *
 * Hello stays as it is in every version, so that two versions can tell each other.
 */
#ifndef EDGE_IK_LINK_H
#define EDGE_IK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EDGE_IK_LINK_VERSION 1

#define EDGE_IK_LINK_MAX_PAYLOAD 128
/* Type, sequence, payload and checksum. */
#define EDGE_IK_LINK_MAX_BODY (2 + EDGE_IK_LINK_MAX_PAYLOAD + 4)
/* A zero at either end and the first code of COBS. */
#define EDGE_IK_LINK_MAX_FRAME (EDGE_IK_LINK_MAX_BODY + 3)

#define EDGE_IK_LINK_HASH_SIZE 16

/* Kinds of messages. */
#define EDGE_IK_LINK_HELLO 0x01U
#define EDGE_IK_LINK_SOLVE 0x02U
#define EDGE_IK_LINK_COUNTERS 0x03U
#define EDGE_IK_LINK_ANSWER 0x80U /* added to the type of the question */
#define EDGE_IK_LINK_ERROR 0xFFU

/* The first byte of an error. */
#define EDGE_IK_LINK_UNKNOWN_TYPE 1U
#define EDGE_IK_LINK_WRONG_SIZE 2U   /* bytes of payload */
#define EDGE_IK_LINK_WRONG_TARGET 3U /* floats of a target */

typedef enum {
    EDGE_IK_LINK_NOTHING = 0,  /* in the middle of a frame, or between two */
    EDGE_IK_LINK_MESSAGE = 1,  /* a message was read whole */
    EDGE_IK_LINK_BAD_CRC = 2,  /* a frame ended with a wrong checksum */
    EDGE_IK_LINK_MALFORMED = 3 /* a frame was cut, too long or too short */
} edge_ik_link_event;

/* The payload lies in the parser, until the next byte is pushed. */
typedef struct {
    uint8_t type;
    uint8_t sequence;
    uint8_t size; /* bytes of payload, 0 to EDGE_IK_LINK_MAX_PAYLOAD */
    const uint8_t *payload;
} edge_ik_link_message;

typedef struct {
    uint8_t body[EDGE_IK_LINK_MAX_BODY];
    uint16_t size;  /* bytes of the body so far */
    uint8_t left;   /* bytes before the next code of COBS */
    bool begun;     /* a code was read since the last zero */
    bool too_long;  /* the body has no room for what came */
    uint32_t whole; /* frames, by how they ended */
    uint32_t bad_crc;
    uint32_t malformed;
} edge_ik_link_parser;

void edge_ik_link_init(edge_ik_link_parser *parser);

/* Read one byte. Fills the message when it returns EDGE_IK_LINK_MESSAGE, and only then. */
edge_ik_link_event edge_ik_link_push(edge_ik_link_parser *parser, uint8_t byte,
                                     edge_ik_link_message *message);

/* Write the frame of a message; returns its bytes, or 0 if the payload is too large. */
size_t edge_ik_link_encode(uint8_t frame[EDGE_IK_LINK_MAX_FRAME], uint8_t type, uint8_t sequence,
                           const uint8_t *payload, size_t size);

/* Numbers of four bytes, the lowest first; put returns the place behind the number. */
uint8_t *edge_ik_link_put_u32(uint8_t *bytes, uint32_t value);
uint8_t *edge_ik_link_put_f32(uint8_t *bytes, float value);
uint32_t edge_ik_link_get_u32(const uint8_t *bytes);
float edge_ik_link_get_f32(const uint8_t *bytes);

#endif
