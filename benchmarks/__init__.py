"""Measurements beside the peers that people run today, on one machine, in one run."""
