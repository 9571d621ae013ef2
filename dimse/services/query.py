"""C-FIND, the query of Query/Retrieve (PS3.7 9.1.2, PS3.4 C.4.1)."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from dimse.command import AFFECTED_SOP_CLASS_UID
from dimse.exchange import AssociationLost, Exchange
from dimse.services.information_models import FIND_MODELS
from dimse.services.operation import Answered, Collected, Operation, Request, Response
from dimse.services.query_keys import (
    CHARACTER_SET,
    INSTANCE_AVAILABILITY,
    QUERY_RETRIEVE_LEVEL,
    RETRIEVE_AE_TITLE,
    Keys,
    keys_of,
)
from dimse.services.query_negotiation import Agreed
from dimse.status import CANCELLED, CANNOT_UNDERSTAND, PENDING, SOP_CLASS_NOT_SUPPORTED, SUCCESS, Status, failed
from storage.catalogue.plain_matching import predicate
from storage.data_set.encoder import stated_terms
from storage.data_set.form import Form
from storage.data_set.identifier import decode
from storage.scope import WholeArchive
from storage.storage import Storage

PENDING_WITH_WARNING: Final = Status(0xFF01)
"""Matches are continuing; one or more optional keys were not supported (PS3.4 table C.4-1)."""

_TOO_LARGE: Final = Status(CANNOT_UNDERSTAND, "The identifier is longer than 1 MiB.")

Json = dict[str, Any]


class QueryService:
    """Answers C-FIND requests of all associations; whoever may ask sees the whole archive."""

    def __init__(self, storage: Storage, ae_title: str) -> None:
        """`ae_title` is where C-MOVE and C-GET retrieve what is found."""
        self._storage = storage
        self._ae_title = ae_title

    def find(self, request: Request) -> Operation:
        """Take up a C-FIND-RQ."""
        asked = request.command.text(AFFECTED_SOP_CLASS_UID)
        if asked not in FIND_MODELS or request.context.abstract_syntax != asked:
            comment = "The Affected SOP Class or its context is none for C-FIND."
            return Answered(Status(SOP_CLASS_NOT_SUPPORTED, comment, AFFECTED_SOP_CLASS_UID))
        if not request.command.has_data_set:
            return Answered(Status(CANNOT_UNDERSTAND, "The C-FIND request announces no identifier."))
        return Collected(lambda data, exchange: self._answer(data, exchange, request), _TOO_LARGE)

    def _answer(self, data: bytes, exchange: Exchange, request: Request) -> Response:
        """One pending response for each match, then the last one."""
        context = request.context
        agreed = Agreed.read(context.agreed)
        try:
            self._storage.audit.record_once("query", "archive", actor=request.actor)
            identifier = decode(data, context.transfer_syntax)
            keys = keys_of(identifier, FIND_MODELS[context.abstract_syntax], agreed)
            status = PENDING_WITH_WARNING if keys.unsupported else PENDING
            requested = tuple((tag, str(element["vr"])) for tag, element in keys.requested.items())
            terms = stated_terms(identifier)
            form = _form(self._ae_title, keys.level, requested, terms, context.transfer_syntax)
            for found in self._matches(keys, agreed, exchange):
                if exchange.is_cancelled:
                    break
                exchange.respond(Response(status, form.encode(found)))
        except AssociationLost:
            raise
        except Exception as error:
            return Response(failed(error))
        return Response(CANCELLED if exchange.is_cancelled else SUCCESS)

    def _matches(self, keys: Keys, agreed: Agreed, exchange: Exchange) -> Iterator[Json]:
        if all(predicate(match)(_constant(self._ae_title)) for match in keys.constant):
            yield from self._storage.index.find(WholeArchive(), keys.query(agreed), lambda: exchange.is_cancelled)


def _constant(ae_title: str) -> Json:
    """What is true of everything that is kept here."""
    return {
        RETRIEVE_AE_TITLE: {"vr": "AE", "Value": [ae_title]},
        INSTANCE_AVAILABILITY: {"vr": "CS", "Value": ["ONLINE"]},
    }


@lru_cache(maxsize=256)
def _form(
    ae_title: str, level: str, requested: tuple[tuple[str, str], ...], terms: tuple[str, ...], transfer_syntax: str
) -> Form:
    """What each response identifier holds (PS3.4 C.4.1.1.3.2): every requested key, without value if unknown.

    Peers ask for the same attributes again and again.
    """
    template: Json = {tag: {"vr": vr} for tag, vr in requested}
    template |= _constant(ae_title) | {QUERY_RETRIEVE_LEVEL: {"vr": "CS", "Value": [level]}}
    if terms:
        template[CHARACTER_SET] = {"vr": "CS", "Value": list(terms)}
    return Form(template, transfer_syntax)
