"""The reasons for which Durchblick refuses, each with its DICOM status and its HTTP status.

    Refusal
    ├── OutOfResources        A700H  507   the store is full, or under too much pressure
    ├── DataSetMismatch       A900H  409   the data set is not the one that was announced
    ├── CannotUnderstand      C000H  400   not DICOM, cut short, nested too deep, contradictory
    ├── NotRenderable         C000H  406   the pixels cannot be shown within our limits
    ├── NotAuthenticated      0124H  401   nobody we know asks
    ├── NotAuthorised         0124H  403   somebody we know asks for what is not theirs to do
    ├── NoSuchInstance        0112H  404   not here, or not visible in the caller's scope
    │   └── Gone              0112H  410   was here, was visible to the caller, and has been deleted
    ├── DuplicateInstance     0111H  409   other bytes under a UID that is already kept
    ├── OnHold                0110H  409   must not be deleted, because somebody may have to see it in court
    ├── DuplicateTransaction  0131H  409   a Transaction UID that is in use
    ├── NoSuchTransaction     0112H  404   nobody asked, or not within the caller's scope
    ├── MalformedIdentifier   0117H  400   a UID that is none
    └── ProcessingFailure     0110H  500   anything unexpected

The statuses are those of PS3.7 annex C and PS3.4 table B.2-1; STOW-RS reports the same numbers as Failure Reason
(PS3.18 table I.2-2). The inside raises, only the edges (`dimse`, `dicomweb`, `gateway`) translate.
"""

from typing import ClassVar


class Refusal(Exception):
    """A request that gets a defined answer instead of what it asked for.

    `detail` is one sentence for the person who must act on it. It never holds patient data, because it goes to
    logs and to the peer. `sop_class_uid` and `sop_instance_uid` say which instance was refused, as far as known.
    """

    dicom_status: int = 0x0110
    http_status: int = 500
    title: ClassVar[str] = "Processing failure"

    def __init__(self, detail: str, *, sop_class_uid: str = "", sop_instance_uid: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.sop_class_uid = sop_class_uid
        self.sop_instance_uid = sop_instance_uid


class OutOfResources(Refusal):
    """There is no room for it now; the same request may succeed later."""

    dicom_status = 0xA700
    http_status = 507
    title = "Out of resources"


class DataSetMismatch(Refusal):
    """The data set differs from what its command, file meta information or URL says it is."""

    dicom_status = 0xA900
    http_status = 409
    title = "Data set does not match"


class CannotUnderstand(Refusal):
    """The bytes are no complete DICOM object that can be kept and found again."""

    dicom_status = 0xC000
    http_status = 400
    title = "Cannot understand"


class NotRenderable(Refusal):
    """No picture or decompressed frame can be made of this instance within the limits set for decoding."""

    dicom_status = 0xC000
    http_status = 406
    title = "Not renderable"


class NotAuthenticated(Refusal):
    """The request bears no valid session and no valid token."""

    dicom_status = 0x0124
    http_status = 401
    title = "Not authenticated"


class NotAuthorised(Refusal):
    """The caller is known but may not do this."""

    dicom_status = 0x0124
    http_status = 403
    title = "Not authorised"


class NoSuchInstance(Refusal):
    """Nothing of that name is visible to the caller; whether it exists elsewhere is not told."""

    dicom_status = 0x0112
    http_status = 404
    title = "No such object"


class Gone(NoSuchInstance):
    """What is asked for was here and has been deleted."""

    http_status = 410
    title = "Deleted"


class DuplicateInstance(Refusal):
    """An instance with this UID but other bytes is already kept; the first one stays."""

    dicom_status = 0x0111
    http_status = 409
    title = "Duplicate SOP instance"


class OnHold(Refusal):
    """A legal hold lies on it: it must not be deleted."""

    dicom_status = 0x0124
    http_status = 409
    title = "On hold"


class DuplicateTransaction(Refusal):
    """A request for storage commitment under a Transaction UID that has been used before."""

    dicom_status = 0x0131
    http_status = 409
    title = "Duplicate transaction UID"


class NoSuchTransaction(Refusal):
    """A request for storage commitment that is not known to the caller."""

    dicom_status = 0x0112
    http_status = 404
    title = "No such transaction"


class MalformedIdentifier(Refusal):
    """A UID that does not follow PS3.5 section 9.1."""

    dicom_status = 0x0117
    http_status = 400
    title = "Malformed identifier"


class ProcessingFailure(Refusal):
    """Something unexpected; the detail names an id that is also in the log."""
