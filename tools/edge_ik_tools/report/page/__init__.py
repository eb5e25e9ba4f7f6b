"""The page itself: words, tables and pictures in one file of HTML."""
