"""A look at this installation: what is there and works, and what to install for the rest."""
