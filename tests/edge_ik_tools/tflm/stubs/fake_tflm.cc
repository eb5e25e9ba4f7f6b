/* The stub interpreter; see its header. */
#include "fake_tflm.h"

#include <cstring>
#include <initializer_list>

#include "tensorflow/lite/micro/micro_interpreter.h"

namespace tflite {

MicroInterpreter::MicroInterpreter(
    const Model *model, const MicroOpResolver &op_resolver, std::uint8_t *tensor_arena,
    std::size_t tensor_arena_size, MicroResourceVariables *, MicroProfilerInterface *, bool)
    : model_(model), op_resolver_(op_resolver), arena_(tensor_arena), arena_size_(tensor_arena_size)
{
    ++fake_tflm.made;
}

MicroInterpreter::~MicroInterpreter()
{
    ++fake_tflm.destroyed;
}

TfLiteStatus MicroInterpreter::AllocateTensors()
{
    const FakeTensor &in = fake_tflm.input, &out = fake_tflm.output;
    const bool aligned = reinterpret_cast<std::uintptr_t>(arena_) % 16 == 0 &&
                         reinterpret_cast<std::uintptr_t>(model_) % 16 == 0;
    if (!aligned || arena_used_bytes() > arena_size_) {
        return kTfLiteError;
    }
    for (int i = 0; i < fake_tflm.operator_count; ++i) {
        if (op_resolver_.FindOp(static_cast<BuiltinOperator>(fake_tflm.operators[i])) == nullptr) {
            return kTfLiteError;
        }
    }
    /* Input and output share memory, as the planner of the library may have it. */
    for (TfLiteTensor *tensor : {&input_, &output_}) {
        const FakeTensor &known = tensor == &input_ ? in : out;
        tensor->type = static_cast<TfLiteType>(known.type);
        tensor->bytes = static_cast<std::size_t>(known.bytes);
        tensor->params = {known.scale, known.zero_point};
        tensor->data.raw = reinterpret_cast<char *>(arena_);
    }
    return kTfLiteOk;
}

TfLiteStatus MicroInterpreter::Invoke()
{
    alignas(16) char x[256];
    ++fake_tflm.invoked;
    if (fake_tflm.fail_invoke || fake_tflm.network == nullptr) {
        return kTfLiteError;
    }
    std::memcpy(x, input_.data.raw, input_.bytes);
    fake_tflm.network(x, output_.data.raw);
    return kTfLiteOk;
}

TfLiteTensor *MicroInterpreter::input(std::size_t index)
{
    return index == 0 ? &input_ : nullptr;
}

TfLiteTensor *MicroInterpreter::output(std::size_t index)
{
    return index == 0 ? &output_ : nullptr;
}

std::size_t MicroInterpreter::arena_used_bytes() const
{
    return static_cast<std::size_t>(fake_tflm.arena_needed);
}

} // namespace tflite
