/* An interpreter that lets the test compute the network, and fails when the test says so. */
#pragma once

#include "tensorflow/lite/micro/micro_op_resolver.h"

#define TFLITE_SCHEMA_VERSION (3)

namespace tflite {

class MicroResourceVariables;
class MicroProfilerInterface;

class MicroInterpreter {
public:
    MicroInterpreter(
        const Model *model, const MicroOpResolver &op_resolver, std::uint8_t *tensor_arena,
        std::size_t tensor_arena_size, MicroResourceVariables *resource_variables = nullptr,
        MicroProfilerInterface *profiler = nullptr, bool preserve_all_tensors = false);
    ~MicroInterpreter();

    TfLiteStatus AllocateTensors();
    TfLiteStatus Invoke();
    TfLiteTensor *input(std::size_t index);
    std::size_t inputs_size() const { return 1; }
    TfLiteTensor *output(std::size_t index);
    std::size_t outputs_size() const { return 1; }
    std::size_t arena_used_bytes() const;

private:
    const Model *model_;
    const MicroOpResolver &op_resolver_;
    std::uint8_t *arena_;
    std::size_t arena_size_;
    TfLiteTensor input_ = {}, output_ = {};
};

} // namespace tflite
