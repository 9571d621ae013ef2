"""kill -9 of the DICOM role in the midst of C-STORE, C-MOVE and storage commitment: nothing acknowledged is lost.

This is the share that fits into every test run; `make crash` kills twenty-five times as often.
"""

from pathlib import Path

from tests.scenarios.crash_ledger import Ledger
from tests.scenarios.crash_receiver import receiving
from tests.scenarios.crashing import Crashes

KILLS = 8


def test_nothing_acknowledged_is_lost_and_nothing_claimed_that_did_not_happen(tmp_path: Path) -> None:
    ledger = Ledger()
    with receiving(ledger) as port:
        crashes = Crashes(tmp_path, "8 kills", port, ledger)
        crashes.run(KILLS)
    assert crashes.problems == []
    assert len(ledger.stored) > KILLS and ledger.events["moved"] > 0 and len(ledger.accepted) > 0
    assert crashes.figures["on their way"] > 0, "no kill ever hit an instance on its way"
    assert crashes.figures["owed"] > 0, "no kill ever hit a commitment"
