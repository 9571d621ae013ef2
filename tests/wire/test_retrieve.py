"""C-MOVE and C-GET by DCMTK and Orthanc from a real listener with a real store."""

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dimse.settings import Peer
from storage.records import InstanceRecord
from tests.dicomweb.instances import rle
from tests.support import corpus, dcmtk
from tests.support.gateway import free_port
from tests.support.nodes import orthanc
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct, part10
from tests.wire.retrieving import STUDY, Gateway, of_study, serving, slices
from tests.wire.test_dcmtk_storage import values

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
    pytest.mark.filterwarnings("ignore::UserWarning:pynetdicom"),
]

NATIVE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
STUDY_KEYS = ("-S", "-k", "0008,0052=STUDY", "-k", f"0020,000D={STUDY}")


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with serving(tmp_path) as gateway:
        yield gateway


def received_files(folder: Path) -> dict[str, Path]:
    """By SOP Instance UID, which DCMTK puts into the names of files."""
    return {str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID): path for path in folder.iterdir()}


def data_set_of(path: Path) -> bytes:
    content = path.read_bytes()
    return content[144 + int.from_bytes(content[140:144], "little") :]


def assert_same_images(gateway: Gateway, records: list[InstanceRecord], folder: Path, syntax: str) -> None:
    files = received_files(folder)
    assert set(files) == {record.sop_instance_uid for record in records}
    for record in records:
        original, arrived = pydicom.dcmread(gateway.path(record)), pydicom.dcmread(files[record.sop_instance_uid])
        assert arrived.file_meta.TransferSyntaxUID == syntax
        assert (original.pixel_array == arrived.pixel_array).all()
        ours, theirs = values(original), values(arrived)
        for tag in (0x00080005, 0x00280004, 0x00280006, 0x7FE00001, 0x7FE00002, 0x7FE00010):
            ours.pop(tag, None), theirs.pop(tag, None)
        assert ours == theirs


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "received"
    folder.mkdir()
    return folder


def getscu(gateway: Gateway, target: Path, *options: str, keys: Iterable[str] = STUDY_KEYS) -> str:
    outcome = dcmtk.run("getscu", "-v", *keys, *options, "-od", str(target), port=gateway.port)
    assert outcome.returncode == 0, outcome.stderr + outcome.stdout
    return outcome.stdout + outcome.stderr


def movescu(
    gateway: Gateway, target: Path, *options: str, destination: str = "MOVESCU", keys: Iterable[str] = STUDY_KEYS
) -> str:
    port = free_port()
    gateway.peers["MOVESCU"] = Peer("MOVESCU", "127.0.0.1", port)
    to_itself = ("-aem", destination, "+P", str(port))
    command = [dcmtk.program("movescu"), "-d", *to_itself, *keys, *options, "127.0.0.1", str(gateway.port)]
    # It keeps what it gets in its working folder.
    outcome = subprocess.run(command, cwd=target, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return outcome.stdout + outcome.stderr


@pytest.mark.parametrize("options", [(), ("-pdu", "4096"), ("-xd",), ("-xb",)], ids=" ".join)
def test_getscu_gets_the_same_bytes(gateway: Gateway, target: Path, options: tuple[str, ...]) -> None:
    records = gateway.keep(*slices(5, rows=300, columns=200))
    getscu(gateway, target, "+B", *options)
    files = received_files(target)
    assert {uid: data_set_of(path) for uid, path in files.items()} == {
        record.sop_instance_uid: gateway.data_set(record) for record in records
    }


def every_encoding() -> list[bytes]:
    bundled = {path.name: path for path in corpus.bundled()}
    names = ("CT_small.dcm", "ExplVR_BigEnd.dcm", "image_dfl.dcm", "MR_small_RLE.dcm", "GDCMJ2K_TextGBR.dcm")
    return [part10(ct(), ImplicitVRLittleEndian), rle(ct()), *(bundled[name].read_bytes() for name in names)]


def test_getscu_gets_images_that_it_can_read(gateway: Gateway, target: Path) -> None:
    records = gateway.keep(*every_encoding())
    uids = "\\".join(record.sop_instance_uid for record in records)
    getscu(gateway, target, "+B", "+xe", keys=("-S", "-k", "0008,0052=IMAGE", "-k", f"0008,0018={uids}"))
    assert_same_images(gateway, records, target, ExplicitVRLittleEndian)


def test_movescu_gets_images_that_it_can_read(gateway: Gateway, target: Path) -> None:
    native = [part10(of_study(number), syntax) for number, syntax in enumerate(NATIVE)]
    records = gateway.keep(*native, rle(of_study(3)))
    movescu(gateway, target, "+B", "+xi")
    assert_same_images(gateway, records, target, ImplicitVRLittleEndian)


def test_getscu_at_each_level_and_of_nothing(gateway: Gateway, target: Path) -> None:
    records = gateway.keep(*slices(2), part10(of_study(3, SeriesInstanceUID="1.2.3")))
    for expected, keys in (
        (records, ("-P", "-k", "0008,0052=PATIENT", "-k", "0010,0020=TEST-1")),
        (records[2:], ("-S", "-k", "0008,0052=SERIES", "-k", f"0020,000D={STUDY}", "-k", "0020,000E=1.2.3")),
        (records, ("-O", "-k", "0008,0052=STUDY", "-k", "0010,0020=TEST-1", "-k", f"0020,000D={STUDY}")),
        ([], ("-P", "-k", "0008,0052=PATIENT", "-k", "0010,0020=NOBODY")),
    ):
        getscu(gateway, target, keys=keys)
        assert set(received_files(target)) == {record.sop_instance_uid for record in expected}
        for path in target.iterdir():
            path.unlink()


def test_study_of_500_instances(gateway: Gateway, target: Path) -> None:
    template = part10(of_study(SOPInstanceUID="1.2.3.1000"))
    numbered = (template.replace(b"1.2.3.1000", b"1.2.3.%d" % number) for number in range(1000, 1500))
    assert len(gateway.keep_what_is_possible(numbered)) == 500
    getscu(gateway, target)
    assert len(list(target.iterdir())) == 500
    log = movescu(gateway, target, "--ignore")
    assert "Completed Suboperations       : 500" in log, log[-2000:]


def test_movescu_gets_the_same_bytes(gateway: Gateway, target: Path) -> None:
    records = gateway.keep(*slices(5, rows=300, columns=200))
    log = movescu(gateway, target, "+B")
    assert "Completed Suboperations       : 5" in log, log
    assert {uid: data_set_of(path) for uid, path in received_files(target).items()} == {
        record.sop_instance_uid: gateway.data_set(record) for record in records
    }


def test_movescu_cancels(gateway: Gateway, target: Path) -> None:
    gateway.keep(*slices(40, rows=300, columns=300))
    log = movescu(gateway, target, "--cancel", "2")
    last = log[log.rindex("Received Final Move Response") :]
    assert "0xfe00" in last, log
    remaining, completed = (
        int(re.search(f"{kind} Suboperations +: ([0-9]+)", last)[1])  # type: ignore[index]
        for kind in ("Remaining", "Completed")
    )
    assert remaining > 0 and remaining + completed == 40
    assert len(list(target.iterdir())) == completed


def test_movescu_to_a_destination_we_do_not_know(gateway: Gateway, target: Path) -> None:
    gateway.keep(*slices(1))
    assert "0xa801" in movescu(gateway, target, destination="ELSEWHERE")


def test_orthanc_moves_to_itself(gateway: Gateway, tmp_path: Path) -> None:
    records = gateway.keep(*slices(5), rle(of_study(6)), part10(of_study(7), ImplicitVRLittleEndian))
    http_port = free_port()
    modality = Peer("DURCHBLICK", "127.0.0.1", gateway.port)
    with orthanc(tmp_path, modalities=(modality,), http_port=http_port) as node:
        gateway.peers["ORTHANC"] = node.peer
        url = f"http://127.0.0.1:{http_port}"
        asked = {"Level": "Study", "Resources": [{"StudyInstanceUID": STUDY}], "TargetAet": "ORTHANC"}
        job = fetched(f"{url}/modalities/DURCHBLICK/move", asked)
        assert job is not None
        kept = {
            instance["MainDicomTags"]["SOPInstanceUID"]: instance["ID"]
            for instance in fetched(f"{url}/instances?expand")
        }
        assert set(kept) == {record.sop_instance_uid for record in records}
        for record in records:
            with urllib.request.urlopen(
                f"{url}/instances/{kept[record.sop_instance_uid]}/file", timeout=PATIENCE
            ) as file:
                arrived = file.read()
            assert arrived[-len(gateway.data_set(record)) :] == gateway.data_set(record), record.transfer_syntax_uid


def fetched(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(url, data, timeout=PATIENCE) as answer:
        return json.load(answer)
