"""From a trained run to everything deployable."""
