"""Tests of the measurements: what they make and tell, not what they find."""
