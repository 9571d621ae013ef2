"""What one peer may do here: the table of operations, as the operator restricts it for this peer."""

from collections.abc import Iterable, Sequence
from typing import Final

from dimse.command import AFFECTED_SOP_CLASS_UID
from dimse.services.dispatch import Offer, offer_of, offers_under
from dimse.services.operation import Request
from dimse.settings import Peer
from dimse.status import NOT_AUTHORISED, Status
from storage.identifiers import is_uid
from storage.sop_classes import is_storage

_STORE: Final = "store"
_RETRIEVE: Final = "retrieve"
_SENT_RATHER: Final = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")


class Policy:
    """Answers negotiation (which contexts) and dispatch (which operations) for one peer."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def receives(self, sop_class: str) -> bool:
        """Whether the peer may be sent instances of this class on its own association: the C-STORE of a C-GET."""
        return is_storage(sop_class) and _RETRIEVE in self._peer.allow

    def takes(self, abstract_syntax: str, *, receives: bool) -> bool:
        """Whether a context of this abstract syntax is of any use to the peer; `receives` says that it is SCP there.

        What no operation is offered under is none of our business here.
        """
        if receives and self.receives(abstract_syntax):
            return True
        offers = offers_under(abstract_syntax)
        return not offers or any(self._allows(offer, abstract_syntax) for offer in offers)

    def transfer_syntaxes(self, abstract_syntax: str, proposed: Iterable[str], *, receives: bool) -> Sequence[str]:
        """Those of the `proposed` ones that may be accepted, the best one first.

        That is the order of the peer, who knows what it has. Only where it wants to receive, what every image can be
        given in comes first: Explicit, then Implicit VR Little Endian.
        """
        usable = [syntax for syntax in proposed if is_uid(syntax)]
        if receives and self.receives(abstract_syntax):
            return sorted(usable, key=lambda one: _SENT_RATHER.index(one) if one in _SENT_RATHER else len(_SENT_RATHER))
        offers = offers_under(abstract_syntax)
        return [one for one in usable if not offers or any(self._takes_in(offer, one) for offer in offers)]

    def objection(self, request: Request) -> Status | None:
        """Why the peer may not do what it asks for (0124H), or None."""
        offer = offer_of(request.command.field)
        if offer is None:
            return None
        if not self._is_allowed(offer):
            return _refused(f"This AE may not use {offer.name} here.")
        if offer.allowance != _STORE:
            return None
        sop_class = request.command.text(AFFECTED_SOP_CLASS_UID)
        if is_storage(sop_class) and not self._allows(offer, sop_class):
            return _refused("This AE may not store this SOP class here.")
        if not self._takes_in(offer, request.context.transfer_syntax):
            return _refused("This AE may not store in this transfer syntax.")
        return None

    def _is_allowed(self, offer: Offer) -> bool:
        return not offer.allowance or offer.allowance in self._peer.allow

    def _allows(self, offer: Offer, abstract_syntax: str) -> bool:
        is_open = offer.allowance != _STORE or not self._peer.sop_classes
        return self._is_allowed(offer) and (is_open or abstract_syntax in self._peer.sop_classes)

    def _takes_in(self, offer: Offer, transfer_syntax: str) -> bool:
        taken = self._peer.transfer_syntaxes if offer.allowance == _STORE else offer.transfer_syntaxes
        return not taken or transfer_syntax in taken


def _refused(comment: str) -> Status:
    return Status(NOT_AUTHORISED, comment)
