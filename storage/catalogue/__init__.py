"""The SQL behind the index: what is entered, what is matched, and what each scope sees of it."""
