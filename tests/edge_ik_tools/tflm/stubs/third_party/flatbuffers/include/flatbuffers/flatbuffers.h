/* Stands where a tree of TensorFlow Lite Micro has this header; the stubs need nothing of it. */
#pragma once
