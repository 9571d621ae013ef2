"""STOW-RS as client: kept instances go to an origin server, a few with each request (PS3.18 10.5)."""

import secrets
import socket
import ssl
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, Final

import httpx2

from dimse.scu.storage import SubOperation
from dimse.scu.trouble import Trouble, TroubleKind
from storage.data_set.json_values import first, items
from storage.errors import NoSuchInstance
from storage.records import InstanceRecord
from storage.storage import Storage

PATIENCE: Final = httpx2.Timeout(connect=10.0, read=300.0, write=60.0, pool=10.0)

_MOST_AT_ONCE: Final = 50
_BYTES_AT_ONCE: Final = 64 << 20
_PIECE: Final = 1 << 18
_PROCESSING_FAILURE: Final = 0x0110
_REFERENCED, _FAILED = "00081199", "00081198"
_SOP_INSTANCE, _WARNING, _REASON = "00081155", "00081196", "00081197"
# A body of any of these statuses may tell what became of each instance (PS3.18 table 10.5.3-1).
_TELLING: Final = frozenset({200, 202, 409})
# What may be answered otherwise later: also by a proxy in front of a server that is not there, or to another token.
_PASSING: Final = frozenset({401, 403, 404, 408, 421, 423, 425, 429})
_OF_STATUSES: Final = {
    401: TroubleKind.RIGHTS,
    403: TroubleKind.RIGHTS,
    404: TroubleKind.UNCONFIGURED,
    413: TroubleKind.FULL,
    415: TroubleKind.UNSUPPORTED,
    507: TroubleKind.FULL,
}


class StowClient:
    """Sends to one origin server; safe to use from several threads."""

    def __init__(self, storage: Storage, url: str, token: str = "") -> None:
        """`url` is the root of its DICOMweb services, `token` a bearer token."""
        self._storage = storage
        self._url = f"{url.rstrip('/')}/studies"
        self._headers = {"Accept": "application/dicom+json"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def send(self, records: Sequence[InstanceRecord]) -> Generator[SubOperation, None, None]:
        """Send each, and tell how it went; never raises because of the server.

        Closing the iterator ends it after the request that is under way.
        """
        with httpx2.Client(timeout=PATIENCE) as client:
            for some in _portions(records):
                yield from self._request(client, some)

    def _request(self, client: httpx2.Client, records: Sequence[InstanceRecord]) -> Iterator[SubOperation]:
        boundary = secrets.token_hex(16)
        content_type = f'multipart/related; type="application/dicom"; boundary={boundary}'
        size = sum(len(_head(boundary)) + record.size for record in records) + len(_tail(boundary))
        headers = self._headers | {"Content-Type": content_type, "Content-Length": str(size)}
        try:
            response = client.post(self._url, content=self._body(boundary, records), headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return _all(records, Trouble(_kind(error), f"The server does not answer ({type(error).__name__})."))
        except (NoSuchInstance, OSError):
            return _all(records, Trouble(TroubleKind.UNREADABLE, "One of the kept files cannot be read."))
        return _outcomes(records, response)

    def _body(self, boundary: str, records: Sequence[InstanceRecord]) -> Iterator[bytes]:
        for record in records:
            yield _head(boundary)
            with self._storage.files.open(record.blob_key) as file:
                while piece := file.read(_PIECE):
                    yield piece
        yield _tail(boundary)


def _portions(records: Sequence[InstanceRecord]) -> Iterator[list[InstanceRecord]]:
    portion: list[InstanceRecord] = []
    size = 0
    for record in records:
        if portion and (len(portion) == _MOST_AT_ONCE or size + record.size > _BYTES_AT_ONCE):
            yield portion
            portion, size = [], 0
        portion.append(record)
        size += record.size
    if portion:
        yield portion


def _head(boundary: str) -> bytes:
    return f"\r\n--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()


def _tail(boundary: str) -> bytes:
    return f"\r\n--{boundary}--\r\n".encode()


def _all(records: Sequence[InstanceRecord], why: Trouble, *, is_answered: bool = False) -> Iterator[SubOperation]:
    return (SubOperation(record, _PROCESSING_FAILURE, why.sentence, is_answered, why.kind) for record in records)


def _kind(error: BaseException) -> TroubleKind:
    """By what lies under the client's own error."""
    under: BaseException | None = error
    while under is not None:
        if isinstance(under, socket.gaierror):
            return TroubleKind.NAME
        if isinstance(under, ssl.SSLError):
            return TroubleKind.TLS
        under = under.__cause__ or under.__context__
    if isinstance(error, httpx2.InvalidURL | httpx2.UnsupportedProtocol):
        return TroubleKind.UNCONFIGURED
    is_outside = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
    return TroubleKind.UNREACHABLE if is_outside else TroubleKind.LOST


def _kind_of_status(status: int, *, final: bool) -> TroubleKind:
    return _OF_STATUSES.get(status, TroubleKind.REFUSED if final else TroubleKind.FAILING)


def _outcomes(records: Sequence[InstanceRecord], response: httpx2.Response) -> Iterator[SubOperation]:
    """By the Store Instances Response Module (PS3.18 annex I) where there is one, else by the status."""
    module = _module(response) if response.status_code in _TELLING else None
    if module is None:
        if response.status_code == 200:
            return (SubOperation(record, 0) for record in records)
        final = 400 <= response.status_code < 500 and response.status_code not in _PASSING
        sentence = f"The server answers with HTTP status {response.status_code}."
        return _all(records, Trouble(_kind_of_status(response.status_code, final=final), sentence), is_answered=final)
    stored = {_text(item): _number(item, _WARNING) for item in items(module, _REFERENCED)}
    refused = {_text(item): _number(item, _REASON) for item in items(module, _FAILED)}
    return (_outcome(record, stored, refused) for record in records)


def _outcome(record: InstanceRecord, stored: Mapping[str, int], refused: Mapping[str, int]) -> SubOperation:
    uid = record.sop_instance_uid
    if uid in stored:
        return SubOperation(record, stored[uid])
    if uid in refused:
        return SubOperation(record, refused[uid] or _PROCESSING_FAILURE, "Failure Reason of the server")
    sentence = "The answer does not mention it."
    return SubOperation(record, _PROCESSING_FAILURE, sentence, is_answered=False, trouble=TroubleKind.FAILING)


def _module(response: httpx2.Response) -> Mapping[str, Any] | None:
    try:
        json = response.json()
    except ValueError:
        return None
    if isinstance(json, list) and len(json) == 1:
        json = json[0]
    return json if isinstance(json, Mapping) and (_REFERENCED in json or _FAILED in json) else None


def _text(item: Mapping[str, Any]) -> str:
    return str(first(item, _SOP_INSTANCE) or "")


def _number(item: Mapping[str, Any], tag: str) -> int:
    value = first(item, tag)
    return value if isinstance(value, int) else 0
