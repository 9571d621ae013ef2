"""Which values corrections may have."""

import pytest

from gateway.intake.correcting import CORRECTABLE, correction


@pytest.mark.parametrize(
    ("keyword", "given", "value"),
    [
        ("PatientID", "x" * 64, "x" * 64),
        ("PatientName", "Muster^Erika^^Dr.^=試験^花子", "Muster^Erika^^Dr.^=試験^花子"),
        ("PatientBirthDate", "31.1.1950", "19500131"),
        ("PatientSex", "O", "O"),
        *((keyword, "", "") for keyword in CORRECTABLE),
    ],
)
def test_what_is_a_value(keyword: str, given: str, value: str) -> None:
    assert correction(keyword, given) == value


@pytest.mark.parametrize(
    ("keyword", "given"),
    [
        ("PatientID", "x" * 65),
        ("IssuerOfPatientID", "A\\B"),
        ("PatientName", "A^B^C^D^E^F"),
        ("PatientName", "A=B=C=D"),
        ("PatientName", "x" * 65),
        ("PatientName", "A\\B"),
        ("PatientBirthDate", "gestern"),
        ("PatientSex", "W"),
        ("AccessionNumber", "x" * 17),
        ("StudyDescription", "A\nB"),
    ],
)
def test_what_is_none(keyword: str, given: str) -> None:
    with pytest.raises(ValueError, match=keyword):
        correction(keyword, given)
