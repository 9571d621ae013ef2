"""Instances without what tells whose they are (PS3.15 annex E)."""
