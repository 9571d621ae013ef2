"""The DIMSE services offered, one module each (PS3.4)."""
