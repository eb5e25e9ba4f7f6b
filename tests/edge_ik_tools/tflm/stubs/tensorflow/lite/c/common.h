/* The types of TensorFlow Lite's C interface that generated firmware touches. */
#pragma once

#include <cstddef>
#include <cstdint>

#ifndef TF_LITE_STATIC_MEMORY
#error "a tensor has another layout without TF_LITE_STATIC_MEMORY"
#endif

extern "C" {

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

enum TfLiteType { kTfLiteNoType = 0, kTfLiteFloat32 = 1, kTfLiteInt16 = 7, kTfLiteInt8 = 9 };

struct TfLiteQuantizationParams {
    float scale;
    std::int32_t zero_point;
};

union TfLitePtrUnion {
    float *f;
    char *raw;
    std::int8_t *int8;
    std::int16_t *i16;
};

struct TfLiteTensor {
    TfLiteQuantizationParams params;
    TfLitePtrUnion data;
    std::size_t bytes;
    TfLiteType type;
};
}
