"""Keeps instances durably, indexes them, and answers scoped questions about them; owns the shared words."""
