"""What the page of an upload reads from files before it sends them, against pydicom."""

import json
import subprocess
import warnings
from pathlib import Path
from typing import Any, Final

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from gateway.pages.static import STATIC_FOLDER
from tests.support.corpus import bundled, needs_shared, shared
from tests.support.node import NODE
from tests.support.synthetic import ct, part10

_SCRIPT: Final = """
import { openAsBlob } from "node:fs";
const { headerOf } = await import(process.argv[1]);
const files = JSON.parse(process.argv[2]);
console.log(JSON.stringify(await Promise.all(files.map(async (file) => headerOf(await openAsBlob(file))))));
"""
_READ: Final = {
    "instance": "SOPInstanceUID",
    "study": "StudyInstanceUID",
    "birthDate": "PatientBirthDate",
    "date": "StudyDate",
    "modality": "Modality",
    "name": "PatientName",
}


def headers(*paths: Path) -> list[dict[str, str] | None]:
    """What the script says of each file."""
    module = (STATIC_FOLDER / "js" / "upload" / "header.js").as_uri()
    command = [
        str(NODE),
        "--no-warnings",
        "--input-type=module",
        "-e",
        _SCRIPT,
        module,
        json.dumps([str(path) for path in paths]),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    found: list[dict[str, str] | None] = json.loads(ran.stdout)
    return found


def told(data_set: Dataset) -> dict[str, str]:
    """The same by pydicom."""
    return {name: str(data_set.get(keyword) or "") for name, keyword in _READ.items()}


def nested(depth: int, last: Dataset) -> Dataset:
    """Sequences of undefined length in items of undefined length."""
    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.3"
    item.PurposeOfReferenceCodeSequence = [nested(depth - 1, last)] if depth else [last]
    item["PurposeOfReferenceCodeSequence"].is_undefined_length = True
    item.is_undefined_length_sequence_item = True
    return item


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
    ids=["explicit", "implicit", "big-endian", "deflated"],
)
def test_what_stands_behind_sequences_is_read_in_every_transfer_syntax(tmp_path: Path, syntax: Any) -> None:
    data_set = ct(PixelData=b"\0" * 8)
    other = Dataset()
    other.PatientName = "Beispiel^Jan"
    data_set.ReferencedImageSequence = [nested(3, other), nested(0, Dataset())]
    data_set["ReferencedImageSequence"].is_undefined_length = True
    path = tmp_path / "file"
    path.write_bytes(part10(data_set, syntax))
    (found,) = headers(path)
    assert found
    assert {name: found[name] for name in _READ} == told(data_set)


@needs_shared
def test_real_files_say_whose_they_are() -> None:
    """Whatever pydicom reads from their beginning; names by code extensions (ISO 2022) show their escapes."""
    wanted = {}
    for path in [*bundled(), *shared("colour", "encapsulation", "modality", "objects", "transfer_syntax")]:
        with warnings.catch_warnings(action="ignore"):
            data_set = pydicom.dcmread(path, stop_before_pixels=True, force=True)
            if data_set.preamble and "Modality" in data_set and "2022" not in str(data_set.get("SpecificCharacterSet")):
                wanted[path] = told(data_set)
    assert len(wanted) > 100
    differ = {}
    for (path, expected), found in zip(wanted.items(), headers(*wanted), strict=True):
        if found is None or {name: found[name].rstrip("=") for name in _READ} != expected:
            differ[path.name] = (found, expected)
    assert differ == {}
