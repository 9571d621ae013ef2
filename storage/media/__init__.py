"""Instances on their way out as media (PS3.10, PS3.12): file-sets with their DICOMDIR, and ZIP archives of them."""
