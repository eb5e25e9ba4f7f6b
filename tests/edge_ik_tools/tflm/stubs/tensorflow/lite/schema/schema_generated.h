/* The part of TFLite's generated schema that generated firmware touches. */
#pragma once

#include <cstdint>

#include "fake_tflm.h"

namespace tflite {

enum BuiltinOperator : std::int32_t {
    BuiltinOperator_ADD = 0,
    BuiltinOperator_FULLY_CONNECTED = 9,
    BuiltinOperator_LOGISTIC = 14,
    BuiltinOperator_MUL = 18
};

/* A real flatbuffer, of which nothing is read. */
class Model {
public:
    std::uint32_t version() const { return static_cast<std::uint32_t>(fake_tflm.schema_version); }
};

inline const Model *GetModel(const void *buffer)
{
    return static_cast<const Model *>(buffer);
}

} // namespace tflite
