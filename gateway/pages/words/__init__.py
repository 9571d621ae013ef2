"""Plain words for what radiographers and devices write: tables of what is known, and how they are read.

The rule of this room: what is not known for sure stays as it was written.
"""
