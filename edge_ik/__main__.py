"""`python -m edge_ik`: the command line, where its script is not on the search path."""

from edge_ik.cli import main

main()
