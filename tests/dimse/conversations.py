"""Whole associations as a requestor speaks them, PDU by PDU: what the mutator damages.

Some PDUs only make sense once the node has said something: `Await` stands before them.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from pynetdicom.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    ImplementationVersionNameNotification,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)

from dimse import command
from storage.data_set.encoder import encode
from tests.dimse.peer import (
    ABORT,
    CT,
    ECHO,
    EXPLICIT,
    IMPLICIT,
    RELEASE,
    VERIFICATION,
    associate_rq,
    p_data,
    pdv,
    store_pdus,
)
from tests.support.synthetic import bare, ct

FIND: Final = "1.2.840.10008.5.1.4.1.2.1.1"
FIND_STUDY_ROOT: Final = "1.2.840.10008.5.1.4.1.2.2.1"
MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"
COMMITMENT: Final = "1.2.840.10008.1.20.1"
COMMITMENT_INSTANCE: Final = "1.2.840.10008.1.20.1.1"
STUDY: Final = "1.2.276.0.99.1"
MARKER: Final = "Geheimnis"
"""Begins every patient's name here: no log line may hold it."""

CONTEXTS: Final = (
    (1, VERIFICATION, (IMPLICIT,)),
    (3, CT, (EXPLICIT, IMPLICIT)),
    (5, FIND, (EXPLICIT,)),
    (7, FIND_STUDY_ROOT, (IMPLICIT, EXPLICIT)),
    (9, MOVE, (IMPLICIT,)),
    (11, GET, (EXPLICIT,)),
    (13, COMMITMENT, (IMPLICIT,)),
)


class Await(Enum):
    """What has to come before the next PDU is sent."""

    ACCEPTED = "an A-ASSOCIATE-AC"
    RESPONSE = "the end of a command set"
    DATA = "the end of a data set"


Step = bytes | Await


@dataclass(frozen=True, slots=True)
class Conversation:
    """PDUs, and what they wait for."""

    name: str
    steps: tuple[Step, ...]


def instances(count: int = 3) -> list[bytes]:
    """The data sets of one study; the last ones are the same in every run."""
    uids = [f"{STUDY}.1.{number}" for number in range(count)]
    return [
        bare(
            ct(
                SOPInstanceUID=uid,
                StudyInstanceUID=STUDY,
                SeriesInstanceUID=f"{STUDY}.1",
                PatientName=f"{MARKER}^Erika",
                ReferringPhysicianName=f"{MARKER}^Arzt",
            )
        )
        for uid in uids
    ]


def conversations(called: str = "DURCHBLICK") -> tuple[Conversation, ...]:
    """All of them; each one is in order as it stands."""
    plain = associate_rq(contexts=CONTEXTS, called=called)
    everything = associate_rq(contexts=CONTEXTS, called=called, user=all_user_items())
    # An association that takes what a C-GET sends.
    receiving = associate_rq(contexts=CONTEXTS, called=called, user=[role(CT)])
    stores = [split(store_pdus(data, instance=f"{STUDY}.1.{n}", step=300)) for n, data in enumerate(instances())]
    return (
        Conversation("echo", (everything, Await.ACCEPTED, ECHO, Await.RESPONSE, ECHO, ECHO, RELEASE)),
        Conversation("store", (plain, *stores[0], *stores[1], Await.RESPONSE, *stores[2], ECHO, RELEASE)),
        Conversation("find", (everything, *find(5, FIND, "PATIENT"), Await.RESPONSE, *find(5, FIND, "IMAGE"), RELEASE)),
        Conversation(
            "cancelled find", (plain, *find(7, FIND_STUDY_ROOT, "SERIES", IMPLICIT), cancel(7), Await.RESPONSE, RELEASE)
        ),
        Conversation("get", (receiving, *get(), *sub_operations(3), Await.RESPONSE, ECHO, RELEASE)),
        Conversation("cancelled get", (receiving, *get(), *sub_operations(1), cancel(11), Await.RESPONSE, ABORT)),
        Conversation("aborted get", (receiving, *get(), Await.DATA, ABORT)),
        Conversation("move", (plain, *move(), Await.RESPONSE, RELEASE)),
        Conversation("commitment", (plain, *commitment(), Await.RESPONSE, Await.DATA, reported(), RELEASE)),
        Conversation("aborted store", (plain, *stores[0][:-2], ABORT)),
    )


def all_user_items() -> list[Any]:
    """One of each kind of user information that PS3.7 annex D knows."""
    window, version = AsynchronousOperationsWindowNegotiation(), ImplementationVersionNameNotification()
    window.maximum_number_operations_invoked = window.maximum_number_operations_performed = 8
    version.implementation_version_name = "RECORDED"
    extended, common = SOPClassExtendedNegotiation(), SOPClassCommonExtendedNegotiation()
    extended.sop_class_uid, extended.service_class_application_information = FIND, b"\1\1\1\1"
    common.sop_class_uid, common.service_class_uid = CT, "1.2.840.10008.4.2"
    common.related_general_sop_class_identification = ["1.2.840.10008.5.1.4.1.1.7"]
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.positive_response_requested = 2, True
    identity.primary_field, identity.secondary_field = b"device", b"passcode"
    return [window, role(CT), version, extended, common, identity]


def role(sop_class: str) -> SCP_SCU_RoleSelectionNegotiation:
    """The wish to be SCP too."""
    selection = SCP_SCU_RoleSelectionNegotiation()
    selection.sop_class_uid, selection.scu_role, selection.scp_role = sop_class, True, True
    return selection


def request(
    context_id: int, field: int, elements: dict[int, bytes], data: bytes = b"", message_id: int = 1
) -> list[bytes]:
    """The PDUs of a message, its data set in two fragments."""
    common = {0x0100: command.uint2(field), 0x0110: command.uint2(message_id)}
    has_data = {0x0800: command.uint2(command.A_DATA_SET if data else command.NO_DATA_SET)}
    encoded = command.encode(sorted((elements | common | has_data).items()))
    pdus = [p_data(pdv(context_id, 3, encoded))]
    if data:
        half = len(data) // 4 * 2
        pdus += [p_data(pdv(context_id, 0, data[:half])), p_data(pdv(context_id, 2, data[half:]))]
    return pdus


def uid(value: str) -> bytes:
    """A value of VR UI."""
    return command.padded(value.encode(), b"\0")


def find(context_id: int, model: str, level: str, syntax: str = EXPLICIT) -> list[bytes]:
    """A C-FIND-RQ with matching of several kinds."""
    keys: dict[str, Any] = {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00080052": {"vr": "CS", "Value": [level]},
        "00080020": {"vr": "DA", "Value": ["20200101-20301231"]},
        "00080061": {"vr": "CS"},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": f"{MARKER}*"}]},
        "00100020": {"vr": "LO"},
        "0020000D": {"vr": "UI", "Value": [STUDY, "1.2.3"]},
        "0020000E": {"vr": "UI"},
        "00400275": {"vr": "SQ", "Value": [{"00400007": {"vr": "LO"}}]},
    }
    return request(context_id, command.C_FIND_RQ, {0x0002: uid(model), 0x0700: b"\0\0"}, encode(keys, syntax))


def study(syntax: str) -> bytes:
    """The identifier of a retrieval of the whole study."""
    level = {"00080052": {"vr": "CS", "Value": ["STUDY"]}}
    return encode(level | {"0020000D": {"vr": "UI", "Value": [STUDY]}}, syntax)


def get() -> list[bytes]:
    """A C-GET-RQ."""
    return request(11, command.C_GET_RQ, {0x0002: uid(GET), 0x0700: b"\0\0"}, study(EXPLICIT))


def move() -> list[bytes]:
    """A C-MOVE-RQ to nobody we know."""
    elements = {0x0002: uid(MOVE), 0x0600: b"ELSEWHERE ", 0x0700: b"\0\0"}
    return request(9, command.C_MOVE_RQ, elements, study(IMPLICIT))


def sub_operations(count: int) -> list[Step]:
    """The responses to the C-STOREs of a C-GET, each when it has come."""
    steps: list[Step] = []
    for number in range(1, count + 1):
        elements = {0x0120: command.uint2(number), 0x0900: b"\0\0"}
        steps += [Await.DATA, *request(3, command.C_STORE_RQ | command.RESPONSE, elements)]
    return steps


def cancel(context_id: int, message_id: int = 1) -> bytes:
    """A C-CANCEL-RQ."""
    elements = [(0x0100, b"\xff\x0f"), (0x0120, command.uint2(message_id)), (0x0800, b"\1\1")]
    return p_data(pdv(context_id, 3, command.encode(elements)))


def commitment() -> list[bytes]:
    """An N-ACTION-RQ for what is kept, and one instance that is not."""
    references = [
        {"00081150": {"vr": "UI", "Value": [CT]}, "00081155": {"vr": "UI", "Value": [f"{STUDY}.1.{number}"]}}
        for number in range(4)
    ]
    asked = {"00081195": {"vr": "UI", "Value": ["1.2.276.0.99.7"]}, "00081199": {"vr": "SQ", "Value": references}}
    elements = {0x0003: uid(COMMITMENT), 0x1001: uid(COMMITMENT_INSTANCE), 0x1008: b"\1\0"}
    return request(13, command.N_ACTION_RQ, elements, encode(asked, IMPLICIT))


def reported() -> bytes:
    """The response to the N-EVENT-REPORT-RQ."""
    elements = {0x0120: b"\1\0", 0x0900: b"\0\0"}
    return b"".join(request(13, command.N_EVENT_REPORT_RQ | command.RESPONSE, elements))


def split(pdus: bytes) -> list[bytes]:
    """The single PDUs."""
    found = []
    while pdus:
        length = 6 + int.from_bytes(pdus[2:6], "big")
        found.append(pdus[:length])
        pdus = pdus[length:]
    return found
