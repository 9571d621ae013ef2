"""The table of events: every word that `storage.audit` is given, and what it is in the terms of the standards.

EventID and EventTypeCode are of PS3.16 CID 400 and CID 401, action and outcome of PS3.15 A.5.1. A test holds the table
against the words in the code.
"""

from dataclasses import dataclass
from typing import Final, Literal

Code = tuple[str, str]
"""Code value and meaning, of the coding scheme DCM."""
About = Literal["study", "instance", "share", "token", "account", "workitem", "commitment", "network", "gateway"]

ACTIVITY: Final = ("110100", "Application Activity")
LOG_USED: Final = ("110101", "Audit Log Used")
ACCESSED: Final = ("110103", "DICOM Instances Accessed")
TRANSFERRED: Final = ("110104", "DICOM Instances Transferred")
STUDY_DELETED: Final = ("110105", "DICOM Study Deleted")
EXPORTED: Final = ("110106", "Export")
PROCEDURE: Final = ("110111", "Procedure Record")
QUERIED: Final = ("110112", "Query")
ALERT: Final = ("110113", "Security Alert")
AUTHENTICATION: Final = ("110114", "User Authentication")

START: Final = ("110120", "Application Start")
STOP: Final = ("110121", "Application Stop")
LOGIN: Final = ("110122", "Login")
LOGOUT: Final = ("110123", "Logout")
SECURITY_CONFIGURATION: Final = ("110129", "Security Configuration")
RESTRICTED_FUNCTION: Final = ("110132", "Use of Restricted Function")
OBJECT_ATTRIBUTES: Final = ("110135", "Object Security Attributes Changed")
USER_ATTRIBUTES: Final = ("110137", "User Security Attributes Changed")


@dataclass(frozen=True, slots=True)
class Kind:
    """What an event is: its EventID, perhaps its EventTypeCode, action (CRUDE), outcome, and what its subject is."""

    id: Code
    about: About
    action: Literal["C", "R", "U", "D", "E"] = "E"
    type: Code | None = None
    outcome: Literal["0", "4", "8"] = "0"


UNKNOWN: Final = Kind(ALERT, "gateway", "E", RESTRICTED_FUNCTION)
"""For a word that is not in the table: it is told nevertheless."""

EVENTS: Final[dict[str, Kind]] = {
    # The gateway.
    "started": Kind(ACTIVITY, "gateway", "E", START),
    "stopped": Kind(ACTIVITY, "gateway", "E", STOP),
    "clock jumped": Kind(ALERT, "gateway", "E", SECURITY_CONFIGURATION, "4"),
    "clock confirmed": Kind(ALERT, "gateway", "E", SECURITY_CONFIGURATION),
    "audit read": Kind(LOG_USED, "gateway", "R"),
    # Instances.
    "instances stored": Kind(TRANSFERRED, "study", "C"),
    "instances accessed": Kind(ACCESSED, "study", "R"),
    "instances downloaded": Kind(EXPORTED, "study", "R"),
    "instances sent": Kind(TRANSFERRED, "study", "R"),
    "download ordered": Kind(EXPORTED, "share", "E"),
    "subject bound": Kind(ALERT, "account", "U", USER_ATTRIBUTES),
    "upload link created": Kind(ACTIVITY, "gateway", "C", SECURITY_CONFIGURATION),
    "upload link revoked": Kind(ACTIVITY, "gateway", "D", SECURITY_CONFIGURATION),
    "upload sheet printed": Kind(ACTIVITY, "gateway", "R", SECURITY_CONFIGURATION),
    "upload begun": Kind(ACTIVITY, "gateway", "C"),
    "upload sent": Kind(ACTIVITY, "gateway", "U"),
    "upload examined": Kind(ACTIVITY, "gateway", "R"),
    "malware found": Kind(ALERT, "gateway", "D", outcome="4"),
    "upload accepted": Kind(ACTIVITY, "gateway", "U"),
    "upload rejected": Kind(ACTIVITY, "gateway", "U"),
    "upload question": Kind(ACTIVITY, "gateway", "U"),
    "upload stored": Kind(ACTIVITY, "gateway", "C"),
    "upload forgotten": Kind(ACTIVITY, "gateway", "D"),
    "forwarding asked for": Kind(TRANSFERRED, "study", "E"),
    "forwarded": Kind(TRANSFERRED, "study", "R"),
    "forwarding failed": Kind(TRANSFERRED, "study", "R", None, "8"),
    "forwarding retried": Kind(TRANSFERRED, "study", "U"),
    "forwarding given up": Kind(TRANSFERRED, "study", "D"),
    "forwarding rule made": Kind(ALERT, "gateway", "C", SECURITY_CONFIGURATION),
    "forwarding rule changed": Kind(ALERT, "gateway", "U", SECURITY_CONFIGURATION),
    "forwarding rule switched on": Kind(ALERT, "gateway", "U", SECURITY_CONFIGURATION),
    "forwarding rule switched off": Kind(ALERT, "gateway", "U", SECURITY_CONFIGURATION),
    "forwarding rule removed": Kind(ALERT, "gateway", "D", SECURITY_CONFIGURATION),
    "query": Kind(QUERIED, "gateway", "E"),
    "instance held": Kind(ALERT, "instance", "C", OBJECT_ATTRIBUTES, "4"),
    "duplicate refused": Kind(ALERT, "instance", "C", OBJECT_ATTRIBUTES, "4"),
    "damaged blob replaced": Kind(ALERT, "instance", "U", OBJECT_ATTRIBUTES),
    "kept file unusable": Kind(ALERT, "instance", "R", OBJECT_ATTRIBUTES, "8"),
    "deleted": Kind(STUDY_DELETED, "study", "D"),
    "storage commitment": Kind(ACCESSED, "commitment", "R"),
    # Life and death of studies.
    "deletion marked": Kind(STUDY_DELETED, "study", "U"),
    "deletion unmarked": Kind(STUDY_DELETED, "study", "U"),
    "hold added": Kind(ALERT, "study", "C", OBJECT_ATTRIBUTES),
    "hold removed": Kind(ALERT, "study", "D", OBJECT_ATTRIBUTES),
    "study asked for": Kind(TRANSFERRED, "study", "E"),
    "study retrieved": Kind(TRANSFERRED, "study", "C"),
    "study retrieval failed": Kind(TRANSFERRED, "study", "C", None, "8"),
    "held instances accepted": Kind(ALERT, "study", "U", OBJECT_ATTRIBUTES),
    # Shares.
    "share created": Kind(ALERT, "share", "C", USER_ATTRIBUTES),
    "share ready": Kind(ALERT, "share", "U", USER_ATTRIBUTES),
    "share extended": Kind(ALERT, "share", "U", USER_ATTRIBUTES),
    "share reissued": Kind(ALERT, "share", "U", USER_ATTRIBUTES),
    "share revoked": Kind(ALERT, "share", "D", USER_ATTRIBUTES),
    "share forgotten": Kind(ALERT, "share", "D", USER_ATTRIBUTES),
    "share frozen": Kind(ALERT, "share", "U", USER_ATTRIBUTES, "8"),
    "share locked": Kind(ALERT, "share", "U", USER_ATTRIBUTES, "4"),
    "share refused": Kind(AUTHENTICATION, "share", "E", LOGIN, "4"),
    "terms accepted": Kind(ALERT, "share", "U", USER_ATTRIBUTES),
    "request made": Kind(ALERT, "share", "C", USER_ATTRIBUTES),
    "request settled": Kind(ALERT, "share", "U", USER_ATTRIBUTES),
    "share unlocked": Kind(ALERT, "share", "U", USER_ATTRIBUTES),
    "study accepted": Kind(ALERT, "share", "U", USER_ATTRIBUTES),
    "study rejected": Kind(ALERT, "share", "U", USER_ATTRIBUTES),
    "sheet printed": Kind(ALERT, "share", "R", USER_ATTRIBUTES),
    "sheet not printed": Kind(ALERT, "share", "R", USER_ATTRIBUTES, "4"),
    "print refused": Kind(ALERT, "study", "E", USER_ATTRIBUTES, "4"),
    # Who comes in.
    "session begun": Kind(AUTHENTICATION, "share", "E", LOGIN),
    "session ended": Kind(AUTHENTICATION, "share", "E", LOGOUT),
    "other sessions ended": Kind(AUTHENTICATION, "share", "E", LOGOUT),
    "birth date wrong": Kind(AUTHENTICATION, "share", "E", LOGIN, "4"),
    "sign-in failed": Kind(AUTHENTICATION, "network", "E", LOGIN, "4"),
    "network blocked": Kind(AUTHENTICATION, "network", "E", LOGIN, "8"),
    "viewer opened": Kind(EXPORTED, "share", "E"),
    "viewer ticket repeated": Kind(ALERT, "share", "E", RESTRICTED_FUNCTION, "8"),
    "token created": Kind(ALERT, "token", "C", USER_ATTRIBUTES),
    "token revoked": Kind(ALERT, "token", "D", USER_ATTRIBUTES),
    # Staff.
    "account added": Kind(ALERT, "account", "C", USER_ATTRIBUTES),
    "account changed": Kind(ALERT, "account", "U", USER_ATTRIBUTES),
    "account disabled": Kind(ALERT, "account", "D", USER_ATTRIBUTES),
    "account enabled": Kind(ALERT, "account", "U", USER_ATTRIBUTES),
    "account removed": Kind(ALERT, "account", "D", USER_ATTRIBUTES),
    "set-up code given out": Kind(ALERT, "account", "U", USER_ATTRIBUTES),
    "account locked": Kind(AUTHENTICATION, "account", "E", LOGIN, "8"),
    "password set": Kind(ALERT, "account", "U", USER_ATTRIBUTES),
    "second factor enrolled": Kind(ALERT, "account", "U", USER_ATTRIBUTES),
    "enrolment begun": Kind(AUTHENTICATION, "account", "E", LOGIN),
    "desk session begun": Kind(AUTHENTICATION, "account", "E", LOGIN),
    "desk session ended": Kind(AUTHENTICATION, "account", "E", LOGOUT),
    # The worklist.
    "workitem created": Kind(PROCEDURE, "workitem", "C"),
    "workitem state": Kind(PROCEDURE, "workitem", "U"),
    "workitem forgotten": Kind(PROCEDURE, "workitem", "D"),
}


def kind_of(event: str) -> Kind:
    """The row of an event."""
    return EVENTS.get(event, UNKNOWN)
