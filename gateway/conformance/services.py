"""What is offered and what is asked: the services of both roles, row by row of the tables."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dimse.command import C_FIND_RQ, C_GET_RQ, C_MOVE_RQ, C_STORE_RQ, N_ACTION_RQ
from dimse.scu import query, retrieve
from dimse.scu.outgoing import NATIVE
from dimse.services.dispatch import OFFERS, UNCOMPRESSED, Offer, offer_of
from dimse.services.echo import VERIFICATION
from dimse.services.information_models import FIND_MODELS, UNIQUE_KEYS
from dimse.services.operation import LARGEST_IDENTIFIER
from dimse.services.statuses import STATUSES
from gateway.conformance.markdown import listed, section, table
from gateway.conformance.names import is_retired, name, named, sop_classes
from storage.attributes import ATTRIBUTES, PATIENT_TAGS, Attribute, Level
from storage.commitment.references import FAILURE_REASONS, PROMISE, STORAGE_COMMITMENT
from storage.commitment.transactions import FIRST_PAUSE, FORGOTTEN, LAST_ATTEMPT, LONGEST_PAUSE
from storage.imaging.decoders import SYNTAXES

_LEVELS: Final = {Level.STUDY: "STUDY", Level.SERIES: "SERIES", Level.INSTANCE: "IMAGE"}
_PER_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Asked:
    """What we propose as SCU."""

    purpose: str
    sop_classes: tuple[str, ...]
    transfer_syntaxes: str
    roles: str = "SCU"


_UNCOMPRESSED: Final = ", ".join(name(syntax) for syntax in NATIVE)
ASKED: Final = (
    Asked("Test of a peer (`durchblick ae test`)", (VERIFICATION,), _UNCOMPRESSED),
    Asked(
        "Sending instances: C-MOVE, forwarding", (), f"As the instance is kept, then {_UNCOMPRESSED}: one context each"
    ),
    Asked("Queries", (query.PATIENT_ROOT_FIND, query.STUDY_ROOT_FIND), _UNCOMPRESSED),
    Asked("Retrieval to us", (retrieve.PATIENT_ROOT_MOVE, retrieve.STUDY_ROOT_MOVE), _UNCOMPRESSED),
    Asked(
        "Retrieval on the same association",
        (retrieve.PATIENT_ROOT_GET, retrieve.STUDY_ROOT_GET),
        f"{_UNCOMPRESSED}; for storage also {', '.join(map(name, retrieve.COMPRESSED))}",
        "SCU; SCP of the storage classes",
    ),
    Asked("Storage commitment: requests", (STORAGE_COMMITMENT,), _UNCOMPRESSED),
    Asked("Storage commitment: reports", (STORAGE_COMMITMENT,), _UNCOMPRESSED, "SCP"),
)


def overview() -> str:
    """The table of network services (PS3.2 section "Conformance Statement Overview")."""
    asked = {uid for one in ASKED for uid in one.sop_classes}
    rows = []
    for offer in OFFERS:
        if offer.command_field == C_STORE_RQ:
            rows.append(("Storage: every storage SOP class, private ones too (annex A)", "Yes", "Yes"))
            continue
        for uid in sop_classes(offer):
            row = (f"{name(uid)} ({offer.name})", "Yes" if uid in asked else "No", "Yes")
            rows += [row] if row not in rows and "N-EVENT-REPORT" not in row[0] else []
    return table(("SOP Classes", "User of Service (SCU)", "Provider of Service (SCP)"), rows)


def presentation_contexts() -> str:
    """What is accepted (PS3.2: "Acceptable Presentation Contexts")."""
    rows = []
    for offer in OFFERS:
        syntaxes = ", ".join(map(name, offer.transfer_syntaxes)) or "Every one, private ones too"
        classes = ", ".join(f"{name(uid)} `{uid}`" for uid in sop_classes(offer))
        if offer.command_field == C_STORE_RQ:
            classes = "Every storage SOP class (annex A), and every class that nobody registered"
        extended = "Yes, see below" if offer.extended else "None"
        rows.append((offer.name, classes, syntaxes, "SCP", extended))
    return table(("Operation", "Abstract Syntax", "Transfer Syntax", "Role", "Extended Negotiation"), rows)


def proposed_contexts() -> str:
    """What we propose (PS3.2: "Proposed Presentation Contexts")."""
    rows = [
        (
            one.purpose,
            ", ".join(map(name, one.sop_classes)) or "Storage SOP classes of the instances",
            one.transfer_syntaxes,
            one.roles,
        )
        for one in ASKED
    ]
    return table(("Purpose", "Abstract Syntax", "Transfer Syntax", "Role"), rows)


def statuses(offer: Offer) -> str:
    """The status codes of one operation."""
    rows = [(f"{meaning.code:04X}", meaning.kind, meaning.when) for meaning in STATUSES[offer.command_field]]
    return table(("Status", "Type", "When"), rows)


def service_specifications() -> str:
    """SOP specific conformance, one section for each operation."""
    parts = []
    for number, offer in enumerate(OFFERS, start=1):
        details = _DETAILS.get(offer.command_field, lambda: ())()
        parts.append(section(f"##### 3.2.6.{number} {offer.name}", *details, statuses(offer)))
    return "\n\n".join(parts)


def storage_classes() -> str:
    """Annex A: the storage SOP classes that PS3.6 knows."""
    offer = _of(C_STORE_RQ)
    rows = [(name(uid), f"`{uid}`", "retired" if is_retired(uid) else "") for uid in sop_classes(offer)]
    return table(("SOP Class", "UID", ""), rows)


def _storage() -> tuple[str, ...]:
    decoded = [row for syntax, row in zip(SYNTAXES, named(SYNTAXES), strict=True) if syntax not in UNCOMPRESSED]
    return (
        "Storage level 2 (full): every data element is kept, private ones too, byte for byte as received. No element "
        "is "
        "coerced. Digital signatures stay valid (signature level 3). Success means durable: a crash or a power cut "
        "after "
        "it loses nothing. An instance is kept until the site's retention rules or an authorised person delete it, "
        "and "
        "can be found by C-FIND as soon as success is told.",
        "Instances of these transfer syntaxes can be decompressed when they are sent to a receiver that does not "
        "accept "
        "them; all others go out as they are kept, or not at all:",
        table(("Transfer Syntax", "UID"), decoded),
    )


def _find() -> tuple[str, ...]:
    models = [
        (f"{model.name} `{uid}`", ", ".join(f"{level} ({UNIQUE_KEYS[level]})" for level in model.levels))
        for uid, model in FIND_MODELS.items()
    ]
    return (
        table(("Information model", "Levels and their unique keys"), models),
        "Negotiable: relational queries, combined date-time matching, fuzzy semantic matching of person names, and "
        "multiple value matching, without which any of several values matches. Neither timezone query adjustment nor "
        "enhanced multi-frame conversion. Names are compared without regard to case, accents and trailing components; "
        "fuzzily by their words in any order, umlauts as they are or spelled out, with one edit in each word of four "
        f"letters or more. An identifier has at most {LARGEST_IDENTIFIER >> 20} MiB. Responses are "
        "in the "
        "character set that the identifier names, as far as it can write them, else in ISO_IR 192.",
        "Keys in this table are compared by the index; at level IMAGE every other attribute of a data set can be "
        "matched "
        "and returned too, also in sequences (more slowly):",
        table(("Attribute", "Tag", "VR", "Level", "Matching"), _keys()),
    )


def _keys() -> Iterable[tuple[str, ...]]:
    for row in ATTRIBUTES:
        level = "PATIENT, STUDY" if row.tag in PATIENT_TAGS else _LEVELS[row.level]
        yield row.keyword, f"({row.tag[:4]},{row.tag[4:]})", row.vr, level, _matching(row)


def _matching(row: Attribute) -> str:
    return row.matching.value


def _move() -> tuple[str, ...]:
    return (
        "Destinations are the AEs that the operator has entered. Sub-operations go out on associations of their own, "
        "study "
        "by study, with Move Originator AE Title and Message ID, and are tried again when an association is lost. "
        "Pending "
        "responses count them. Levels above the one asked for may be left out.",
    )


def _get() -> tuple[str, ...]:
    return (
        "Sub-operations go over the contexts for which the requestor took the SCP role. What it does not accept as "
        "kept is "
        "decompressed to Explicit or Implicit VR Little Endian.",
    )


def _commitment() -> tuple[str, ...]:
    return (
        f"{PROMISE} A request is answered from what is really on the disk: each file is read and its hash verified.",
        "The report comes on the same association while the requestor stays; if it leaves, on a new one to the "
        "address "
        f"that the operator has entered, tried after {FIRST_PAUSE:.0f} s and then ever more rarely (up to every "
        f"{LONGEST_PAUSE / 60:.0f} min) for {LAST_ATTEMPT / 3600:.0f} hours. A Transaction UID is recognised for "
        f"{FORGOTTEN / _PER_DAY:.0f} days.",
        table(("Failure Reason", "When"), [(f"{code:04X}", when) for code, when in FAILURE_REASONS.items()]),
    )


_DETAILS: Final = {
    C_STORE_RQ: _storage,
    C_FIND_RQ: _find,
    C_MOVE_RQ: _move,
    C_GET_RQ: _get,
    N_ACTION_RQ: _commitment,
}


def _of(command_field: int) -> Offer:
    offer = offer_of(command_field)
    assert offer is not None
    return offer


def extended_negotiation() -> str:
    """What is answered to user information (PS3.7 annex D)."""
    return listed(
        (
            "Maximum length: answered with ours, and kept to.",
            "Asynchronous operations window: answered with one operation at a time.",
            "SCP/SCU role selection: the SCP role is granted for storage classes (C-GET) and for Storage Commitment.",
            "SOP class extended negotiation: answered for the C-FIND classes (relational queries, combined "
            "date-time, fuzzy names, empty value and multiple value matching) and for storage (level 2, signature "
            "level 3, no coercion).",
            "SOP class common extended negotiation: read over; no answer exists.",
            "User identity: accepted without looking at it; user name, passcode and JSON Web Token get the empty "
            "positive "
            "response if one is asked for.",
        )
    )
