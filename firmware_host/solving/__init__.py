"""From seeds to answers: refinement, branches, and what is told of an answer."""
