"""How operations on workitems end when they do not simply succeed: DIMSE status, HTTP status and words as data."""

from dataclasses import dataclass
from typing import Final

from storage.errors import Refusal


@dataclass(frozen=True, slots=True)
class Status:
    """A row of the status tables of PS3.4 CC.2, and what PS3.18 chapter 11 makes of it.

    `http_status` is below 300 for warnings. `warning` is the text of the Warning header field.
    """

    dicom_status: int
    http_status: int
    detail: str
    warning: str


_INCONSISTENT: Final = "The submitted request is inconsistent with the state of the UPS Instance."

ALREADY_CANCELED: Final = Status(0xB304, 200, "", "The UPS is already in the requested state of CANCELED.")
ALREADY_COMPLETED: Final = Status(0xB306, 200, "", "The UPS is already in the requested state of COMPLETED.")
NO_LONGER_UPDATED: Final = Status(0xC300, 409, "A completed or canceled workitem is never changed.", _INCONSISTENT)
WRONG_TRANSACTION_UID: Final = Status(
    0xC301,
    409,
    "Only who has claimed the workitem may do this, with the Transaction UID of the claim.",
    "The Transaction UID is incorrect.",
)
MISSING_TRANSACTION_UID: Final = Status(
    0xC301,
    409,
    "The request needs a Transaction UID (0008,1195): a new one to claim the workitem, later that of the claim.",
    "The Transaction UID is missing.",
)
ALREADY_IN_PROGRESS: Final = Status(0xC302, 409, "The workitem is already IN PROGRESS.", _INCONSISTENT)
ONLY_CREATED_SCHEDULED: Final = Status(
    0xC303, 400, "The states to change to are IN PROGRESS, COMPLETED and CANCELED.", _INCONSISTENT
)
FINAL_STATE_NOT_MET: Final = Status(
    0xC304, 409, "The workitem lacks attributes that the requested state needs.", _INCONSISTENT
)
NO_SUCH_WORKITEM: Final = Status(0xC307, 404, "Nothing of that name is visible here.", "")
GONE: Final = Status(0xC307, 410, "This workitem was finished long ago and is kept no more.", "")
NOT_CREATED_SCHEDULED: Final = Status(
    0xC309, 400, "A workitem is created with the Procedure Step State (0074,1000) SCHEDULED.", ""
)
NOT_IN_PROGRESS: Final = Status(
    0xC310, 409, "The workitem is not IN PROGRESS yet: it has to be claimed first.", _INCONSISTENT
)
CANCEL_COMPLETED: Final = Status(0xC311, 409, "The workitem is already COMPLETED.", "The UPS is already COMPLETED.")
PERFORMER_UNREACHABLE: Final = Status(
    0xC312, 409, "Nobody is subscribed who could tell the performer.", "The performer cannot be contacted."
)
NOT_APPROPRIATE: Final = Status(0xC314, 400, "Only subscriptions to the worklist can be suspended.", "")
NOT_CLAIMED: Final = Status(
    0xC310,
    400,
    "The workitem is not claimed, so its update has no Transaction UID (0008,1195).",
    "The target URI did not reference a claimed Workitem.",
)


class WorkitemRefused(Refusal):
    """An operation that the workitem, in the state it has, does not allow."""

    title = "Not possible with this workitem"

    def __init__(self, status: Status, detail: str = "", *, http_status: int = 0) -> None:
        """`detail` and `http_status` take the place of those of `status`."""
        super().__init__(detail or status.detail)
        self.dicom_status = status.dicom_status
        self.http_status = http_status or status.http_status
        self.warning = status.warning
