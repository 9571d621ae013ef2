"""A whole series as one file to keep: a film, or contact sheets."""
