/* A list of operators with room for exactly as many as it says. */
#pragma once

#include "fake_tflm.h"
#include "tensorflow/lite/micro/micro_op_resolver.h"

namespace tflite {

inline TFLMRegistration Register_ADD() { return {}; }
inline TFLMRegistration Register_FULLY_CONNECTED() { return {}; }
inline TFLMRegistration Register_LOGISTIC() { return {}; }
inline TFLMRegistration Register_MUL() { return {}; }

template <unsigned int tOpCount> class MicroMutableOpResolver : public MicroOpResolver {
public:
    MicroMutableOpResolver() { fake_tflm.resolver_room = tOpCount; }

    const TFLMRegistration *FindOp(BuiltinOperator op) const override
    {
        for (unsigned int i = 0; i < count_; ++i) {
            if (registrations_[i].builtin_code == op) {
                return &registrations_[i];
            }
        }
        return nullptr;
    }

    TfLiteStatus AddAdd(const TFLMRegistration &registration = Register_ADD())
    {
        return Add(BuiltinOperator_ADD, registration);
    }

    TfLiteStatus AddFullyConnected(const TFLMRegistration &registration = Register_FULLY_CONNECTED())
    {
        return Add(BuiltinOperator_FULLY_CONNECTED, registration);
    }

    TfLiteStatus AddLogistic(const TFLMRegistration &registration = Register_LOGISTIC())
    {
        return Add(BuiltinOperator_LOGISTIC, registration);
    }

    TfLiteStatus AddMul(const TFLMRegistration &registration = Register_MUL())
    {
        return Add(BuiltinOperator_MUL, registration);
    }

private:
    TfLiteStatus Add(BuiltinOperator op, const TFLMRegistration &registration)
    {
        if (fake_tflm.refuse_operators || count_ >= tOpCount || FindOp(op) != nullptr) {
            return kTfLiteError;
        }
        registrations_[count_] = registration;
        registrations_[count_].builtin_code = op;
        ++count_;
        return kTfLiteOk;
    }

    TFLMRegistration registrations_[tOpCount] = {};
    unsigned int count_ = 0;
    /* The library's class cannot be deleted, only destroyed; nor can this one. */
    void operator delete(void *) {}
};

} // namespace tflite
