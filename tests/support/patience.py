"""How long tests wait for what must come."""

from typing import Final

from dimse.scu.wire import Patience

PATIENCE: Final = 90.0
"""Seconds: a bound of last resort, so that what never comes fails instead of hanging. No test passes because of it, and
none says by it how fast something is (that is what benchmarks are for): a slow, busy machine gets there too."""
UNHURRIED: Final = Patience(connect=PATIENCE, association=PATIENCE, response=PATIENCE, send=PATIENCE, release=PATIENCE)
"""Ours with the peers that we call."""
NO_DEADLINE: Final = 3_600.0
"""Seconds, for limits of ours that must not be reached before a test has done its part."""
