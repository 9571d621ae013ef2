"""Turns a secret into a `StudyScope`."""
