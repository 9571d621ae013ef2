"""Storage commitment on both sides: what is asked, what is answered, and what is still owed (PS3.4 annex J)."""
