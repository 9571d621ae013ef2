"""The resources of the Worklist service (PS3.18 tables 11.1.1-1 and 11.3-1)."""

from typing import Any, Final, Literal

from dicomweb.data_set_content import TAKEN
from dicomweb.media_types import METADATA
from dicomweb.transactions import ACCEPT, KEYS, SEARCH, SWITCH, Handler, Parameter, Resource, Transaction, strings

_WORKITEM: Final = strings(METADATA)
_UID: Final[dict[str, Any]] = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)*$", "maxLength": 64}
_NEW_WORKITEM: Final = (
    Parameter("workitem", "UID of the new workitem (11.4.1.1)", _UID),
    Parameter("AffectedSOPInstanceUID", "The same, as earlier editions call it", _UID),
)
_CLAIM: Final = (
    Parameter("transaction-uid", "Transaction UID of the claim (11.6.1.2)", _UID),
    Parameter("transaction", "The same, as earlier editions call it", _UID),
)
_DELETION_LOCK: Final = Parameter("deletionlock", "Keep finished workitems until unsubscribed (11.10.1.2)", SWITCH)
_FILTER: Final = Parameter("filter", "Keys of a filtered subscription, separated by commas (11.10.1.2)")

_GONE: Final = (410,)

_WORKITEM_PATH: Final = "/workitems/{workitem}"
_SUBSCRIBER: Final = _WORKITEM_PATH + "/subscribers/{aetitle}"


def _changing(
    method: Literal["POST", "PUT", "DELETE"],
    name: str,
    clause: str,
    handler: Handler,
    parameters: tuple[Parameter, ...] = (),
    *,
    takes: tuple[str, ...] = TAKEN,
    status: int = 200,
) -> Transaction:
    """A transaction that answers without content."""
    return Transaction(method, name, clause, handler, (), parameters, "write", takes, (status,), _GONE)


WORKLIST: Final = (
    Resource(
        "/workitems",
        "All Workitems",
        (
            Transaction("GET", "Search", "11.9", lambda to: to.workitems.search, _WORKITEM, SEARCH),
            _changing("POST", "Create", "11.4", lambda to: to.workitems.create, _NEW_WORKITEM, status=201),
        ),
    ),
    Resource(
        _WORKITEM_PATH,
        "Workitem",
        (
            Transaction(
                "GET",
                "Retrieve",
                "11.5",
                lambda to: to.workitems.retrieve,
                _WORKITEM,
                ACCEPT,
                statuses=(200, 304),
                refusals=_GONE,
            ),
            _changing("POST", "Update", "11.6", lambda to: to.workitems.update, _CLAIM),
        ),
    ),
    Resource(
        _WORKITEM_PATH + "/state",
        "Workitem State",
        (_changing("PUT", "Change", "11.7", lambda to: to.workitems.change_state, _CLAIM),),
    ),
    Resource(
        _WORKITEM_PATH + "/cancelrequest",
        "Workitem Cancellation",
        (_changing("POST", "Request", "11.8", lambda to: to.workitems.request_cancel, status=202),),
    ),
    Resource(
        _SUBSCRIBER,
        "Workitem or Worklist",
        (
            _changing(
                "POST",
                "Subscribe To",
                "11.10",
                lambda to: to.subscriptions.subscribe,
                (_DELETION_LOCK, _FILTER, KEYS),
                takes=(),
                status=201,
            ),
            _changing("DELETE", "Unsubscribe From", "11.11", lambda to: to.subscriptions.unsubscribe, takes=()),
        ),
    ),
    Resource(
        "/subscribers/{aetitle}",
        "Notification Connection",
        (
            Transaction(
                *("GET", "Open", "8.10.4", lambda to: to.subscriptions.channel), statuses=(101,), refusals=(426,)
            ),
        ),
    ),
    Resource(
        _SUBSCRIBER + "/suspend",
        "Subscription to the Worklist",
        (_changing("POST", "Suspend", "11.12", lambda to: to.subscriptions.suspend, takes=()),),
    ),
)
