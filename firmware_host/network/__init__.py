"""Networks in int8, int16 and float: read, computed exactly, and run by any runtime."""
