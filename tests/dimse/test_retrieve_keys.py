"""Which identifiers of C-MOVE and C-GET say what."""

from typing import Any

import pytest

from dimse.services.information_models import GET_MODELS, MOVE_MODELS, InformationModel
from dimse.services.retrieve_keys import wanted
from storage.catalogue.selection import Wanted
from storage.data_set.encoder import encode
from storage.errors import CannotUnderstand, DataSetMismatch

IMPLICIT, EXPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
PATIENT_ROOT = MOVE_MODELS["1.2.840.10008.5.1.4.1.2.1.2"]
STUDY_ROOT = GET_MODELS["1.2.840.10008.5.1.4.1.2.2.3"]
PATIENT_STUDY_ONLY = MOVE_MODELS["1.2.840.10008.5.1.4.1.2.3.2"]
TAGS = {
    "level": ("00080052", "CS"),
    "patient": ("00100020", "LO"),
    "issuer": ("00100021", "LO"),
    "study": ("0020000D", "UI"),
    "series": ("0020000E", "UI"),
    "image": ("00080018", "UI"),
    "charset": ("00080005", "CS"),
    "modality": ("00080060", "CS"),
}


def identifier(syntax: str = IMPLICIT, **values: str) -> bytes:
    """Values may be several, separated by backslashes."""
    json: dict[str, Any] = {}
    for name, value in values.items():
        tag, vr = TAGS[name]
        json[tag] = {"vr": vr, "Value": value.split("\\")} if value else {"vr": vr}
    return encode(json, syntax)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
@pytest.mark.parametrize(
    ("model", "values", "expected"),
    [
        (PATIENT_ROOT, {"level": "PATIENT", "patient": "A 1"}, Wanted("A 1")),
        (PATIENT_ROOT, {"level": "PATIENT", "patient": "A1", "issuer": "X", "study": ""}, Wanted("A1", "X")),
        (PATIENT_ROOT, {"level": "STUDY", "patient": "A1", "study": "1.2"}, Wanted("A1", "", ("1.2",))),
        (PATIENT_ROOT, {"level": "STUDY", "study": "1.2"}, Wanted(study_instance_uids=("1.2",))),
        (STUDY_ROOT, {"level": "STUDY", "study": "1.2\\1.3"}, Wanted(study_instance_uids=("1.2", "1.3"))),
        (STUDY_ROOT, {"level": "STUDY", "study": "1.2", "patient": "B\\C", "issuer": "X"}, Wanted("", "", ("1.2",))),
        (
            STUDY_ROOT,
            {"level": "SERIES", "study": "1.2", "series": "2.1\\2.2"},
            Wanted("", "", ("1.2",), ("2.1", "2.2")),
        ),
        (STUDY_ROOT, {"level": "SERIES", "series": "2.1", "modality": "CT"}, Wanted(series_instance_uids=("2.1",))),
        (
            STUDY_ROOT,
            {"level": "IMAGE", "study": "1.2", "series": "2.1", "image": "3.1\\3.2"},
            Wanted("", "", ("1.2",), ("2.1",), ("3.1", "3.2")),
        ),
        (PATIENT_ROOT, {"level": "IMAGE", "image": "3.1"}, Wanted(sop_instance_uids=("3.1",))),
        (PATIENT_STUDY_ONLY, {"level": "STUDY", "patient": "A1", "study": "1.2"}, Wanted("A1", "", ("1.2",))),
    ],
)
def test_what_is_asked_for(syntax: str, model: InformationModel, values: dict[str, str], expected: Wanted) -> None:
    assert wanted(identifier(syntax, **values), syntax, model) == expected


def test_patient_ids_in_every_alphabet() -> None:
    for charset in ("ISO_IR 192", "ISO_IR 100"):
        data = identifier(level="PATIENT", patient="Größe-1", charset=charset)
        assert wanted(data, IMPLICIT, PATIENT_ROOT).patient_id == "Größe-1"


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (STUDY_ROOT, {"study": "1.2"}),
        (STUDY_ROOT, {"level": "STUDY\\SERIES", "study": "1.2"}),
        (STUDY_ROOT, {"level": "PATIENT", "patient": "A1"}),
        (STUDY_ROOT, {"level": "FRAME", "image": "1.2"}),
        (PATIENT_STUDY_ONLY, {"level": "SERIES", "series": "1.2"}),
        (STUDY_ROOT, {"level": "STUDY"}),
        (STUDY_ROOT, {"level": "STUDY", "study": "", "patient": "A1"}),
        (STUDY_ROOT, {"level": "STUDY", "study": "*"}),
        (STUDY_ROOT, {"level": "STUDY", "study": "1.2\\1.?"}),
        (STUDY_ROOT, {"level": "STUDY", "study": "1.2", "series": "2.1"}),
        (STUDY_ROOT, {"level": "SERIES", "study": "1.2\\1.3", "series": "2.1"}),
        (PATIENT_ROOT, {"level": "PATIENT", "patient": "A*"}),
        (PATIENT_ROOT, {"level": "PATIENT", "patient": "A\\B"}),
        (PATIENT_ROOT, {"level": "STUDY", "patient": "A\\B", "study": "1.2"}),
        (PATIENT_ROOT, {"level": "PATIENT", "study": "1.2"}),
    ],
)
def test_what_the_model_does_not_allow(model: InformationModel, values: dict[str, str]) -> None:
    with pytest.raises(DataSetMismatch) as refused:
        wanted(identifier(**values), IMPLICIT, model)
    assert len(refused.value.detail) <= 64, refused.value.detail


@pytest.mark.parametrize("data", [b"\x08\0\x52\0\xff\0\0\0IMAGE ", b"\x08\0\x52", b"\x08\0\x52\0\xff\xff\xff\xff"])
def test_what_cannot_be_read(data: bytes) -> None:
    with pytest.raises(CannotUnderstand):
        wanted(data, IMPLICIT, STUDY_ROOT)
