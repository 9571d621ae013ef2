"""Transfers that resume: tus 1.0.0, its core with the extensions creation, termination, checksum and expiration.

Whoever sends shows the secret of his upload as bearer token; it opens nothing else, and nothing can be read back.
"""

import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable
from email.utils import format_datetime
from typing import Any, Final

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dicomweb.problems import answer
from gateway.intake.quarantine import Quarantine, Transfer
from gateway.intake.uploads import SENDING, NotNow, Upload, UploadFile, Uploads
from storage.errors import NotAuthorised, Refusal

VERSION: Final = "1.0.0"
PATH: Final = "/u/transfers"
EXTENSIONS: Final = ("creation", "termination", "checksum", "expiration")
ALGORITHMS: Final = ("sha1", "md5", "sha256")

_CONTENT: Final = "application/offset+octet-stream"
_AT_ONCE: Final = 1 << 20
_SYNCED_AT_ONCE: Final = 64 << 20
_LONGEST_METADATA: Final = 4096

Handler = Callable[[Request, Upload], Awaitable[Response]]


class WrongVersion(Refusal):
    """The client speaks another version of the protocol."""

    http_status = 412
    title = "Unknown version of tus"


class Malformed(Refusal):
    """A header field is missing or cannot be read."""

    http_status = 400
    title = "Malformed request"


class WrongType(Refusal):
    """The content of a PATCH is of another type."""

    http_status = 415
    title = "Unsupported media type"


class WrongOffset(Refusal):
    """The client goes on at another place than where the file ends."""

    http_status = 409
    title = "Wrong offset"


class WrongChecksum(Refusal):
    """What arrived is not what was sent; it was discarded."""

    http_status = 460
    title = "Checksum mismatch"


class Transfers:
    """The protocol over the files of uploads."""

    def __init__(self, uploads: Uploads, quarantine: Quarantine) -> None:
        self._uploads = uploads
        self._quarantine = quarantine
        self._methods: dict[str, Handler] = {"HEAD": self._head, "PATCH": self._patch, "DELETE": self._delete}

    def routes(self) -> list[BaseRoute]:
        """The creation URL, and below it the files."""
        return [
            Route(PATH, self._on_collection, methods=["OPTIONS", "POST"]),
            Route(PATH + "/{file}", self._on_file, methods=["OPTIONS", "HEAD", "PATCH", "DELETE", "POST"]),
        ]

    async def _on_collection(self, request: Request) -> Response:
        return self._options() if request.method == "OPTIONS" else await self._answer(request, self._create)

    async def _on_file(self, request: Request) -> Response:
        method = request.headers.get("x-http-method-override", request.method)
        if method == "OPTIONS":
            return self._options()
        handler = self._methods.get(method)
        return Response(status_code=405) if handler is None else await self._answer(request, handler)

    def _options(self) -> Response:
        headers = {
            "Tus-Resumable": VERSION,
            "Tus-Version": VERSION,
            "Tus-Extension": ",".join(EXTENSIONS),
            "Tus-Max-Size": str(self._uploads.limits.bytes),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        }
        return Response(status_code=204, headers=headers)

    async def _answer(self, request: Request, handler: Handler) -> Response:
        """What `handler` answers, or its refusal; both with the version."""
        try:
            if request.headers.get("tus-resumable") != VERSION:
                raise WrongVersion(f"This server speaks tus {VERSION}.")
            upload = await to_thread.run_sync(self._uploads.by_secret, secret_of(request))
            response = await handler(request, upload)
        except Refusal as refusal:
            response = answer(refusal)
            if isinstance(refusal, WrongVersion):
                response.headers["Tus-Version"] = VERSION
        response.headers["Tus-Resumable"] = VERSION
        response.headers["Cache-Control"] = "no-store"
        return response

    async def _create(self, request: Request, upload: Upload) -> Response:
        if "upload-length" not in request.headers:
            raise Malformed("Upload-Length is needed: how many bytes the file has.")
        size = _number(request, "upload-length")
        metadata = _metadata(request.headers.get("upload-metadata", ""))
        digest = metadata.get("sha256", "").lower()
        if digest and (len(digest) != 64 or set(digest) - set("0123456789abcdef")):
            raise Malformed("sha256 in Upload-Metadata has 64 hexadecimal digits.")

        def work() -> UploadFile:
            file = self._uploads.announce(upload, metadata.get("filename", ""), size, digest)
            self._quarantine.create(file)
            if not size:
                self._uploads.complete(file)
            return file

        file = await to_thread.run_sync(work)
        headers = {"Location": f"{PATH}/{file.id}"} | self._expires(upload)
        return Response(status_code=201, headers=headers)

    async def _head(self, request: Request, upload: Upload) -> Response:
        file = await to_thread.run_sync(self._uploads.file, upload, request.path_params["file"])
        offset = await to_thread.run_sync(self._quarantine.offset, file)
        headers = {"Upload-Offset": str(offset), "Upload-Length": str(file.size)}
        return Response(status_code=200, headers=headers | self._expires(upload))

    async def _patch(self, request: Request, upload: Upload) -> Response:
        if request.headers.get("content-type") != _CONTENT:
            raise WrongType(f"The content is {_CONTENT}.")
        if upload.state not in SENDING:
            raise NotNow("Nothing more is wanted of this upload.")
        offset, checksum = _number(request, "upload-offset"), _Checksum.of(request)
        file = await to_thread.run_sync(self._uploads.file, upload, request.path_params["file"])
        with self._quarantine.transfer(file) as transfer:
            if offset != transfer.offset:
                raise WrongOffset(f"The file has {transfer.offset} bytes by now.")
            await self._receive(request, file, transfer, checksum)
            await to_thread.run_sync(self._complete, file, transfer)
            headers = {"Upload-Offset": str(transfer.offset)} | self._expires(upload)
        return Response(status_code=204, headers=headers)

    async def _delete(self, request: Request, upload: Upload) -> Response:
        file = await to_thread.run_sync(self._uploads.file, upload, request.path_params["file"])
        await to_thread.run_sync(self._uploads.withdraw, upload, file)
        await to_thread.run_sync(self._quarantine.drop, file)
        return Response(status_code=204)

    async def _receive(
        self, request: Request, file: UploadFile, transfer: Transfer, checksum: "_Checksum | None"
    ) -> None:
        """Keep what comes; of a request that breaks off too, unless it has a checksum, which then cannot fit."""
        begin, arriving = transfer.offset, _Arriving(transfer, file.size)
        try:
            async for piece in request.stream():
                if checksum:
                    checksum.update(piece)
                await arriving.add(piece)
            if checksum and not checksum.fits:
                raise WrongChecksum("What arrived is not what was sent; send it again.")
        except ClientDisconnect:
            if checksum:
                transfer.cut(begin)
            else:
                await arriving.keep()
            raise
        except Refusal:
            transfer.cut(begin)
            raise
        await arriving.keep()

    def _complete(self, file: UploadFile, transfer: Transfer) -> None:
        if transfer.offset < file.size:
            return
        if file.digest and _digest(self._quarantine, file) != file.digest:
            transfer.cut(0)
            raise WrongChecksum("The file that arrived is not the one that was announced; send it again.")
        self._uploads.complete(file)

    def _expires(self, upload: Upload) -> dict[str, str]:
        moment = upload.changed + self._uploads.limits.open_for
        return {"Upload-Expires": format_datetime(moment, usegmt=True)}


class _Arriving:
    """What comes in one request, gathered into pieces that are worth a change of threads."""

    def __init__(self, transfer: Transfer, size: int) -> None:
        self._transfer = transfer
        self._room = size - transfer.offset
        self._held = bytearray()
        self._unsynced = 0

    async def add(self, piece: bytes) -> None:
        """Raises `WrongOffset` for more than was announced, and `OutOfResources`."""
        self._room -= len(piece)
        if self._room < 0:
            raise WrongOffset("The file becomes longer than was announced.")
        self._held += piece
        if len(self._held) >= _AT_ONCE:
            await to_thread.run_sync(self._write, self._unsynced >= _SYNCED_AT_ONCE)

    async def keep(self) -> None:
        """Let all of it survive. Raises `OutOfResources`."""
        await to_thread.run_sync(self._write, True)

    def _write(self, sync: bool) -> None:
        self._transfer.write(bytes(self._held))
        self._unsynced += len(self._held)
        self._held.clear()
        if sync:
            self._transfer.sync()
            self._unsynced = 0


class _Checksum:
    """The checksum that a PATCH states of its content."""

    def __init__(self, algorithm: str, wanted: bytes) -> None:
        self._digest: Any = hashlib.new(algorithm, usedforsecurity=False)
        self._wanted = wanted

    @classmethod
    def of(cls, request: Request) -> "_Checksum | None":
        """That of the request, if it states one. Raises `Malformed`."""
        stated = request.headers.get("upload-checksum")
        if stated is None:
            return None
        algorithm, _, encoded = stated.partition(" ")
        if algorithm not in ALGORITHMS:
            raise Malformed(f"Upload-Checksum is one of {', '.join(ALGORITHMS)}, a blank, and the digest in Base64.")
        return cls(algorithm, _decoded(encoded))

    def update(self, piece: bytes) -> None:
        """This came too."""
        self._digest.update(piece)

    @property
    def fits(self) -> bool:
        """Whether all that came is what was sent."""
        return bool(self._digest.digest() == self._wanted)


def secret_of(request: Request) -> str:
    """The secret that the sender shows. Raises `NotAuthorised` without one."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise NotAuthorised("The secret of the upload is needed, as bearer token.")
    return secret.strip()


def _digest(quarantine: Quarantine, file: UploadFile) -> str:
    with quarantine.path(file).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise Malformed(f"{name.title()} is a number of bytes.")
    return int(text)


def _metadata(text: str) -> dict[str, str]:
    """Upload-Metadata: keys, each with a value in Base64. Raises `Malformed`."""
    if len(text) > _LONGEST_METADATA:
        raise Malformed("Upload-Metadata is too long.")
    pairs = (pair.strip().partition(" ") for pair in text.split(",") if pair.strip())
    return {key: _decoded(value).decode("utf-8", "replace") for key, _, value in pairs}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("A value that should be Base64 is none.") from None
