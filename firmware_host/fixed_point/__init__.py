"""The solver in integers: what firmware computes where there is no floating-point unit."""
