"""The generator of C99 firmware: one model file in, one folder of C out."""
