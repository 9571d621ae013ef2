"""Real senders against a real listener with a real store.

DCMTK parses a file and encodes it anew (group lengths, sequence lengths, padding), so what it sent is compared element
by element. That bytes are kept as they came is shown with a sender of ours, for all files, and with pynetdicom, told to
send data sets as they lie in the file, for some.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    MediaStorageDirectoryStorage,
    MRImageStorage,
    RLELossless,
    RTPlanStorage,
)
from pynetdicom import AE, _config, build_context
from pynetdicom.dsutils import split_dataset

from dimse.command import STATUS
from storage.storage import Storage, StorageSettings
from tests.dimse.node import Node, running
from tests.dimse.peer import Peer
from tests.support import corpus, dcmtk

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
    pytest.mark.filterwarnings("ignore::UserWarning:pynetdicom"),
]

REAL = ("series", "modality", "transfer_syntax", "charset", "colour", "objects", "odd_legal")
UNCOMPRESSED = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)
CUT_SHORT = {"MR_truncated.dcm", "rtplan_truncated.dcm"}
# A DICOMDIR, and a data set without any UID.
NO_INSTANCE = {"DICOMDIR-empty.dcm", "nested_priv_SQ.dcm"}
# DCMTK names these by other UIDs than their data sets hold, or will not send them: bytes behind the data set.
NOT_FOR_DCMTK = {"explicit_VR-UN.dcm", "rtdose_rle.dcm", "rtdose_rle_1frame.dcm", "gen_trailing_garbage.dcm"}


@dataclass
class Gateway:
    """A listening node over a store in a folder."""

    node: Node
    storage: Storage

    def kept(self) -> dict[str, list[Path]]:
        """The files of the store by SOP Instance UID, read without any code of ours."""
        found = defaultdict(list)
        for path in (self.storage.folder / "blobs").rglob("*"):
            if path.is_file():
                found[str(split_dataset(path)[0].MediaStorageSOPInstanceUID)].append(path)
        return found


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    storage = Storage.open(tmp_path / "data", StorageSettings(free_space_floor=0))
    with running(storage.ingest) as node:
        yield Gateway(node, storage)
    storage.close()


@dataclass(frozen=True)
class Described:
    """What a file says of itself, in its file meta information and the same in its data set."""

    syntax: str
    sop_class: str
    instance: str


def files() -> list[Path]:
    return corpus.bundled() + corpus.shared(*REAL)


@cache
def described(path: Path) -> Described | None:
    """None for what a sender that reads files cannot announce."""
    try:
        data_set = pydicom.dcmread(path, stop_before_pixels=True)
    except InvalidDicomError:
        return None
    meta = data_set.file_meta
    named = (meta.get("MediaStorageSOPClassUID"), meta.get("MediaStorageSOPInstanceUID"))
    if not all(named) or named != (data_set.get("SOPClassUID"), data_set.get("SOPInstanceUID")):
        return None
    return Described(str(meta.get("TransferSyntaxUID", "")), str(named[0]), str(named[1]))


def sendable(candidates: Iterable[Path], *syntaxes: str, classes: Container[str] = ()) -> list[Path]:
    """The first file of each instance in one of `syntaxes` (and `classes`, if any) that DCMTK sends."""
    found: dict[str, Path] = {}
    for path in candidates:
        known = None if path.name in CUT_SHORT | NO_INSTANCE | NOT_FOR_DCMTK else described(path)
        if known and known.syntax in syntaxes and (not classes or known.sop_class in classes):
            found.setdefault(known.instance, path)
    assert found
    return list(found.values())


def values(data_set: Dataset) -> dict[int, Any]:
    """Every element but group lengths and padding, without trailing padding of values, sequences inside."""
    plain: dict[int, Any] = {}
    for element in data_set:
        if element.tag.element == 0 or element.tag == 0xFFFCFFFC:
            continue
        if element.VR == "SQ":
            plain[element.tag] = [values(item) for item in element.value]
        elif isinstance(element.value, bytes):
            plain[element.tag] = element.value.rstrip(b"\0 ")
        else:
            plain[element.tag] = element.value
    return plain


def assert_kept(gateway: Gateway, sent: list[Path], *, recoded: Container[str] = ()) -> None:
    """`recoded` are transfer syntaxes that the sender may replace by one another."""
    kept = gateway.kept()
    assert len(sent) == len(kept)
    for path in sent:
        original = pydicom.dcmread(path)
        (blob,) = kept[original.SOPInstanceUID]
        stored = pydicom.dcmread(blob)
        syntax, original_syntax = stored.file_meta.TransferSyntaxUID, original.file_meta.TransferSyntaxUID
        assert syntax == original_syntax or (syntax in recoded and original_syntax in recoded), path
        assert values(stored) == values(original), path


def test_echoscu(gateway: Gateway) -> None:
    assert dcmtk.run("echoscu", "--repeat", "3", port=gateway.node.port).returncode == 0
    assert dcmtk.run("echoscu", "--propose-ts", "38", "--propose-pc", "128", port=gateway.node.port).returncode == 0
    assert dcmtk.run("echoscu", "--abort", port=gateway.node.port).returncode == 0
    called_wrongly = dcmtk.run("echoscu", "--call", "ELSEWHERE", port=gateway.node.port)
    assert called_wrongly.returncode != 0 and "Called AE Title Not Recognized" in called_wrongly.stderr


def test_user_identity_of_storescu_is_no_obstacle(gateway: Gateway) -> None:
    sent = sendable(corpus.bundled(), ExplicitVRLittleEndian)[:1]
    outcome = dcmtk.run("storescu", "-R", "-usr", "device", "-pwd", "secret", port=gateway.node.port, files=sent)
    assert outcome.returncode == 0, outcome.stderr
    assert_kept(gateway, sent)


@pytest.mark.parametrize("options", [[], ["+C"], ["-xi", "-pdu", "4096"]], ids=" ".join)
def test_storescu_with_all_its_contexts(gateway: Gateway, options: list[str]) -> None:
    syntax = ImplicitVRLittleEndian if "-xi" in options else ExplicitVRLittleEndian
    sent = sendable(corpus.bundled(), syntax, classes={CTImageStorage, MRImageStorage})
    outcome = dcmtk.run("storescu", *options, port=gateway.node.port, files=sent)
    assert outcome.returncode == 0, outcome.stderr
    assert_kept(gateway, sent)


@pytest.mark.parametrize("combine", [[], ["+C"]], ids=["", "+C"])
@pytest.mark.parametrize(
    ("option", "syntax"),
    [
        ("-xe", ExplicitVRLittleEndian),
        ("-xb", ExplicitVRBigEndian),
        ("-xi", ImplicitVRLittleEndian),
        ("-xd", DeflatedExplicitVRLittleEndian),
        ("-xs", JPEGLosslessSV1),
        ("-xv", JPEG2000Lossless),
        ("-xr", RLELossless),
    ],
)
def test_storescu_with_each_transfer_syntax(gateway: Gateway, option: str, syntax: str, combine: list[str]) -> None:
    sent = sendable(corpus.bundled(), syntax)
    outcome = dcmtk.run("storescu", "-R", option, *combine, port=gateway.node.port, files=sent)
    assert outcome.returncode == 0, outcome.stderr
    assert_kept(gateway, sent)


@corpus.needs_shared
@pytest.mark.parametrize("folder", sorted(path.name for path in (corpus.SHARED / "series").glob("*")))
def test_dcmsend_of_a_series(gateway: Gateway, folder: str) -> None:
    sent = corpus.shared(f"series/{folder}")
    outcome = dcmtk.run("dcmsend", "--decompress-never", port=gateway.node.port, files=sent)
    assert outcome.returncode == 0, outcome.stderr
    assert_kept(gateway, sent)


def test_dcmsend_of_everything_it_reads(gateway: Gateway) -> None:
    native = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
    sent = sendable(files(), *native, JPEGLosslessSV1, JPEG2000Lossless, JPEGLSLossless, RLELossless)
    outcome = dcmtk.run("dcmsend", "--decompress-never", "--no-uid-checks", port=gateway.node.port, files=sent)
    assert outcome.returncode == 0, outcome.stderr
    assert_kept(gateway, sent, recoded=native)


@dataclass(frozen=True)
class Raw:
    """The data set of a file as it lies there, with the UIDs that a sender would announce."""

    path: Path
    syntax: str
    sop_class: str
    instance: str
    data: bytes

    @classmethod
    def of(cls, path: Path) -> "Raw":
        with path.open("rb") as file:
            read_preamble(file, True)
            meta = _read_file_meta_info(file)
            data = file.read()
        data_set = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        return cls(
            path,
            str(meta.get("TransferSyntaxUID") or guessed_syntax(data_set)),
            str(data_set.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID", "")),
            str(data_set.get("SOPInstanceUID") or meta.get("MediaStorageSOPInstanceUID", "")),
            data,
        )


def guessed_syntax(data_set: Dataset) -> str:
    implicit, little = data_set.original_encoding
    return str(ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian)


def send(port: int, raws: list[Raw]) -> list[int]:
    """Send over one association after the other, each with as many contexts as fit."""
    contexts = sorted({(raw.sop_class, raw.syntax) for raw in raws})
    statuses = {}
    for at in range(0, len(contexts), 128):
        ids = {context: 2 * number + 1 for number, context in enumerate(contexts[at : at + 128])}
        with Peer(port) as peer:
            answer = peer.associate(contexts=[(number, name, (syntax,)) for (name, syntax), number in ids.items()])
            assert [context.result for context in answer.presentation_context] == [0] * len(ids)
            for raw in raws:
                context = ids.get((raw.sop_class, raw.syntax))
                if context:
                    response = peer.store(raw.data, context_id=context, sop_class=raw.sop_class, instance=raw.instance)
                    statuses[raw.path] = response.number(STATUS)
            peer.release()
    return [statuses[raw.path] for raw in raws]


def test_data_sets_are_kept_byte_by_byte(gateway: Gateway) -> None:
    found = (Raw.of(path) for path in files())
    raws = [raw for raw in found if raw.instance and raw.sop_class != MediaStorageDirectoryStorage]
    assert len(raws) > 80
    first: dict[str, tuple[str, bytes]] = {}
    for raw, status in zip(raws, send(gateway.node.port, raws), strict=True):
        if raw.path.name in CUT_SHORT:
            assert status == 0xC000, raw.path
        else:
            content = (raw.syntax, raw.data)
            expected = 0x0000 if first.setdefault(raw.instance, content) == content else 0x0111
            assert status == expected, raw.path
    kept = {}
    for instance, (blob,) in gateway.kept().items():
        meta, offset = split_dataset(blob)
        kept[instance] = (str(meta.TransferSyntaxUID), blob.read_bytes()[offset:])
        assert meta.SourceApplicationEntityTitle == "PEER"
    assert kept == first


def test_pynetdicom_sends_files_as_they_are(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", True)
    sent = sendable(corpus.bundled(), *UNCOMPRESSED, classes={CTImageStorage, MRImageStorage, RTPlanStorage})
    for path in sent:
        known = described(path)
        assert known is not None
        entity = AE("PYNETDICOM")
        entity.dimse_timeout = 5
        status = None
        while status is None:
            association = entity.associate(
                "127.0.0.1", gateway.node.port, [build_context(known.sop_class, known.syntax)], "DURCHBLICK"
            )
            assert association.is_established
            # Two threads of pynetdicom may both wait for the answer, and sometimes the wrong one takes it.
            status = association.send_c_store(path).get("Status")
            association.release()
        assert status == 0
    kept = gateway.kept()
    for path in sent:
        (blob,) = kept[described(path).instance]  # type: ignore[union-attr]
        assert blob.read_bytes()[split_dataset(blob)[1] :] == path.read_bytes()[split_dataset(path)[1] :]
