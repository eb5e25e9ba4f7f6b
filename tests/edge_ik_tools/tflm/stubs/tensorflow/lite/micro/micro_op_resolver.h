/* What an interpreter asks of a list of operators. */
#pragma once

#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/schema/schema_generated.h"

struct TFLMRegistration {
    std::int32_t builtin_code;
};

namespace tflite {

class MicroOpResolver {
public:
    virtual const TFLMRegistration *FindOp(BuiltinOperator op) const = 0;
    virtual ~MicroOpResolver() {}
};

} // namespace tflite
