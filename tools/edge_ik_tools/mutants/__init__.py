"""Model files with something wrong in them, and whether each is taken rightly or refused."""
