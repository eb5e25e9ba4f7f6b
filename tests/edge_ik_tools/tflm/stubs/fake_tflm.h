/* What a test tells the stub interpreter, and what it sees of it. */
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

struct FakeTensor {
    std::int32_t type;
    std::int32_t bytes;
    float scale;
    std::int32_t zero_point;
};

struct FakeTflm {
    FakeTensor input, output;
    std::int32_t operators[8]; /* that the network has */
    std::int32_t operator_count;
    std::int32_t arena_needed; /* bytes */
    std::int32_t schema_version;
    void (*network)(const void *x, void *y);
    std::int32_t refuse_operators;
    std::int32_t fail_invoke;
    std::int32_t resolver_room; /* of the resolver made last */
    std::int32_t made;          /* interpreters */
    std::int32_t destroyed;     /* interpreters */
    std::int32_t invoked;
};

/* Defined by the test, with what is true of its model. */
extern FakeTflm fake_tflm;
}
