"""How long tests wait for what must come."""

from typing import Final

PATIENCE: Final = 90.0
"""Seconds: a bound of last resort, so that what never comes fails instead of hanging. No test passes because of it, and
none says by it how fast something is (that is what benchmarks are for): a slow, busy machine gets there too."""
NO_DEADLINE: Final = 3_600.0
"""Seconds, for limits of ours that must not be reached before a test has done its part."""
