"""From a model to records of plain numbers: seeded, and nothing drawn."""
