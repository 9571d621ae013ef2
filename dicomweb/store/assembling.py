"""Instances from metadata and bulk data (PS3.18 10.5.1, 8.7.3.3): Part 10 files, made when all has arrived."""

from collections.abc import Iterator, Sequence
from typing import Final

from dicomweb.media_types import (
    DEFAULT_TRANSFER_SYNTAXES,
    DICOM_JSON,
    DICOM_XML,
    EXPLICIT_LITTLE,
    FRAME_MEDIA_TYPES,
    NATIVE,
    OCTET_STREAM,
)
from dicomweb.problems import BadRequest, ContentTooLarge
from dicomweb.store.pictures import PICTURES, Pictures
from dicomweb.store.spool import Spool, Spooled, SpooledPart
from storage.data_set import json_reader, native_model_reader
from storage.data_set.assembly import BulkData, Run, assemble
from storage.data_set.dicom_json import Json
from storage.data_set.json_values import first
from storage.data_set.part10 import FileMeta
from storage.errors import CannotUnderstand, DataSetMismatch, Refusal
from storage.identifiers import is_uid
from storage.imaging import codestream_syntax
from storage.imaging.pixel_description import description
from storage.incoming import Incoming
from storage.ingest import Ingest
from storage.pixels import Pixels

METADATA_TYPES: Final = frozenset({DICOM_JSON, DICOM_XML})
LARGEST_METADATA: Final = 32 << 20

_HEAD: Final = 64 * 1024
_TAKEN: Final = ", ".join((OCTET_STREAM, *dict.fromkeys(FRAME_MEDIA_TYPES.values()), *sorted(PICTURES)))
_WRITTEN_AT_ONCE: Final = 1 << 20
_STANDARD: Final = "1.2.840.10008.1.2."
_SOP_CLASS: Final = "00080016"
_SOP_INSTANCE: Final = "00080018"
_PIXEL_DATA: Final = "7FE00010"
# What metadata say of a file that is not in its data set: PS3.18 10.4.1.1.2, and file meta information.
_AVAILABLE_TRANSFER_SYNTAX: Final = "00083002"
_TRANSFER_SYNTAX: Final = "00020010"


class TransferSyntaxNotSupported(CannotUnderstand):
    """Frames in a form for which there is no transfer syntax (PS3.18 table I.2-2)."""

    dicom_status = 0xC122


class Assembly:
    """Metadata and bulk data of one request. Used by one thread at a time."""

    def __init__(self, ingest: Ingest, pixels: Pixels, base_url: str) -> None:
        """Raises `OutOfResources` when there is no room for what comes."""
        self._ingest = ingest
        self._spool = Spool(ingest.scratch, base_url)
        self._pictures = Pictures(pixels, self._spool)
        self._metadata: list[Spooled] = []

    def open(self, content_type: str, location: str) -> SpooledPart:
        """A sink for the next part."""
        return self._spool.part(content_type, location, self._note)

    def _note(self, part: Spooled) -> None:
        if part.media_type not in METADATA_TYPES:
            self._spool.keep(part)
        elif part.run.size > LARGEST_METADATA:
            raise ContentTooLarge(f"Metadata of more than {LARGEST_METADATA} bytes are not taken in one part.")
        else:
            self._metadata.append(part)

    def instances(self) -> Iterator[Incoming | Refusal]:
        """One after the other the instances, each made when it is asked for, or why there is none.

        Raises `BadRequest` when there is nothing to read at all.
        """
        if not self._metadata:
            raise BadRequest("The body holds no metadata.")
        for document in self._metadata:
            try:
                data_sets = _read(document)
            except CannotUnderstand as refusal:
                if len(self._metadata) == 1:
                    raise BadRequest(refusal.detail) from None
                yield refusal
                continue
            for data_set in data_sets:
                yield self._instance(data_set)
        if unclaimed := self._spool.unclaimed():
            yield CannotUnderstand(f"{unclaimed} parts with bulk data are referred to by no BulkDataURI.")

    def close(self) -> None:
        """Forget everything that has not been made an instance."""
        self._spool.close()

    def _instance(self, data_set: Json) -> Incoming | Refusal:
        meta = FileMeta(_text(data_set, _SOP_CLASS), _text(data_set, _SOP_INSTANCE), "")
        try:
            return self._assembled(data_set, meta)
        except Refusal as refusal:
            refusal.sop_class_uid, refusal.sop_instance_uid = meta.sop_class_uid, meta.sop_instance_uid
            return refusal

    def _assembled(self, data_set: Json, meta: FileMeta) -> Incoming:
        if not meta.sop_class_uid or not meta.sop_instance_uid:
            raise CannotUnderstand("The metadata name no SOP Class or no SOP Instance.")
        hint = _text(data_set, _AVAILABLE_TRANSFER_SYNTAX) or _text(data_set, _TRANSFER_SYNTAX)
        data_set = {tag: one for tag, one in data_set.items() if tag != _AVAILABLE_TRANSFER_SYNTAX and tag >= "0004"}
        transfer_syntax = EXPLICIT_LITTLE
        runs: BulkData = self._runs
        if uri := data_set.get(_PIXEL_DATA, {}).get("BulkDataURI"):
            frames = self._spool.find(uri)
            if frames[0].media_type in PICTURES:
                data_set, native = self._pictures.native(frames, data_set)
                runs = _runs_but(runs, uri, native)
            else:
                transfer_syntax = transfer_syntax_of(frames, hint)
                data_set = _described(data_set, frames, transfer_syntax)
        pieces = assemble(data_set, runs, encapsulated=transfer_syntax != EXPLICIT_LITTLE)
        incoming = self._ingest.receive(FileMeta(meta.sop_class_uid, meta.sop_instance_uid, transfer_syntax))
        try:
            for some in _gathered(pieces):
                incoming.write_all(some)
        except BaseException:
            incoming.abandon()
            raise
        return incoming

    def _runs(self, uri: str) -> Sequence[Run]:
        return [part.run for part in self._spool.find(uri)]


def _runs_but(runs: BulkData, uri: str, these: Sequence[Run]) -> BulkData:
    """`runs`, but `these` for `uri`."""
    return lambda asked: these if asked == uri else runs(asked)


def transfer_syntax_of(frames: list[Spooled], hint: str) -> str:
    """The transfer syntax of Pixel Data in these parts (PS3.18 8.7.3.3): what the parts say, else what the metadata say
    where that fits, else what the frames themselves say.

    Raises `DataSetMismatch` for parts of several kinds or that contradict themselves, `TransferSyntaxNotSupported`.
    """
    media_type, stated = frames[0].media_type, frames[0].transfer_syntax
    if any((part.media_type, part.transfer_syntax) != (media_type, stated) for part in frames):
        raise DataSetMismatch("The frames of the Pixel Data are in several transfer syntaxes.")
    if media_type == OCTET_STREAM:
        return EXPLICIT_LITTLE if not stated or stated in NATIVE else _known(stated)
    family = [syntax for syntax, of in FRAME_MEDIA_TYPES.items() if of.lower() == media_type.lower()]
    if not family:
        raise TransferSyntaxNotSupported(f"Pixel Data in {media_type[:64]} are not taken, but in {_TAKEN}.")
    if stated:
        if stated not in family:
            raise DataSetMismatch("The transfer syntax of a part is not one of its media type.")
        return stated
    if hint in family:
        return hint
    told = _told(frames[0].run.head(_HEAD))
    return told if told in family else DEFAULT_TRANSFER_SYNTAXES[FRAME_MEDIA_TYPES[family[0]]]


def _gathered(pieces: Sequence[bytes | Run]) -> Iterator[list[bytes]]:
    """What `pieces` are, several at once up to a bounded size: each write costs a call of the system."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        for data in (piece,) if isinstance(piece, bytes) else piece.pieces():
            held.append(data)
            size += len(data)
            if size >= _WRITTEN_AT_ONCE:
                yield held
                held, size = [], 0
    yield held


def _known(transfer_syntax: str) -> str:
    """Frames of every other standard transfer syntax are encapsulated, also those without a media type of their own."""
    if not is_uid(transfer_syntax) or not transfer_syntax.startswith(_STANDARD):
        raise TransferSyntaxNotSupported("The transfer syntax of a part is not known.")
    return transfer_syntax


def _told(head: bytes) -> str | None:
    return codestream_syntax.jpeg(head) or codestream_syntax.jpeg_2000(head)


def _described(data_set: Json, frames: list[Spooled], transfer_syntax: str) -> Json:
    """`data_set` with what it may leave out of the Image Pixel Description because the frames say it (10.5.1)."""
    if transfer_syntax == EXPLICIT_LITTLE:
        return data_set
    found = description(frames[0].run.head(_HEAD), transfer_syntax, len(frames))
    return dict(sorted((found | data_set).items())) if found.keys() - data_set.keys() else data_set


def _read(document: Spooled) -> list[Json]:
    content = b"".join(document.run.pieces())
    if document.media_type == DICOM_XML:
        return [json_reader.normal(native_model_reader.decode(content))]
    return json_reader.decode(content)


def _text(data_set: Json, tag: str) -> str:
    return str(first(data_set, tag) or "").rstrip("\0 ")
