"""Action Information and Event Information, held against pydicom."""

from io import BytesIO

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from dimse.commitment.data_sets import decode_report, decode_request, encode_report, encode_request, event_type
from storage.commitment.references import Reference, Verdict
from storage.errors import CannotUnderstand

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
SYNTAXES = {
    "1.2.840.10008.1.2": (True, True),
    "1.2.840.10008.1.2.1": (False, True),
    "1.2.840.10008.1.2.2": (False, False),
}
REFERENCES = (Reference(CT, "1.2.3"), Reference(MR, "1.2.345"))


def item(sop_class: str | None, instance: str | None, reason: int | None = None) -> Dataset:
    data_set = Dataset()
    if sop_class is not None:
        data_set.ReferencedSOPClassUID = sop_class
    if instance is not None:
        data_set.ReferencedSOPInstanceUID = instance
    if reason is not None:
        data_set.FailureReason = reason
    return data_set


def asked(transaction_uid: str | None = "1.2.9", *items: Dataset) -> Dataset:
    data_set = Dataset()
    if transaction_uid is not None:
        data_set.TransactionUID = transaction_uid
    data_set.ReferencedSOPSequence = list(items)
    return data_set


def encoded(data_set: Dataset, syntax: str = "1.2.840.10008.1.2") -> bytes:
    target = DicomBytesIO()
    target.is_implicit_VR, target.is_little_endian = SYNTAXES[syntax]
    write_dataset(target, data_set)
    return target.getvalue()


def decoded(data: bytes, syntax: str) -> Dataset:
    return read_dataset(BytesIO(data), *SYNTAXES[syntax])


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_request(syntax: str) -> None:
    data = encode_request("1.2.9", REFERENCES, syntax)
    assert decode_request(data, syntax) == ("1.2.9", REFERENCES)
    theirs = decoded(data, syntax)
    assert theirs == asked("1.2.9", item(CT, "1.2.3"), item(MR, "1.2.345"))
    assert decode_request(encoded(theirs, syntax), syntax) == ("1.2.9", REFERENCES)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_report(syntax: str) -> None:
    verdicts = (Verdict(REFERENCES[0]), Verdict(REFERENCES[1], 0x0112))
    data = encode_report("1.2.9", verdicts, "DURCHBLICK", syntax)
    assert decode_report(data, syntax) == ("1.2.9", verdicts)
    expected = asked("1.2.9", item(CT, "1.2.3"))
    expected.RetrieveAETitle = "DURCHBLICK"
    expected.FailedSOPSequence = [item(MR, "1.2.345", 0x0112)]
    assert decoded(data, syntax) == expected
    assert event_type(verdicts) == 2 and event_type(verdicts[:1]) == 1


def test_a_report_of_failures_only_says_nowhere_to_retrieve_from() -> None:
    syntax = "1.2.840.10008.1.2.1"
    report = decoded(encode_report("1.2.9", [Verdict(REFERENCES[0], 0x0110)], "DURCHBLICK", syntax), syntax)
    assert set(report.dir()) == {"TransactionUID", "FailedSOPSequence"}


def test_an_instance_is_asked_for_once() -> None:
    data = encoded(asked("1.2.9", item(CT, "1.2.3"), item(CT, "1.2.3"), item(MR, "1.2.3")))
    assert decode_request(data, "1.2.840.10008.1.2")[1] == (Reference(CT, "1.2.3"), Reference(MR, "1.2.3"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x08\x00",
        encoded(asked("1.2.9", item(CT, "1.2.3")))[:-1],
        encoded(asked("1.2.9")),
        encoded(asked(None, item(CT, "1.2.3"))),
        encoded(asked("1.2.9", item(CT, "1.2.3"))).replace(b"1.2.9\0", b"no uid"),
        encoded(asked("1.2.9", item(None, "1.2.3"))),
        encoded(asked("1.2.9", item(CT, None))),
        encoded(asked("1.2.9", item(CT, "1.2.34567"))).replace(b"1.2.34567", b"../../etc"),
        b"\x08\x00\x95\x11\x06\x00\x00\x001.2.9\0" + b"\x08\x00\x99\x11\x04\x00\x00\x00abcd",
    ],
    ids=["nothing", "half a tag", "cut short", "no items", "no transaction", "no uid", "no class", "no instance"]
    + ["no instance uid", "no sequence"],
)
def test_what_is_no_request(data: bytes) -> None:
    with pytest.raises(CannotUnderstand):
        decode_request(data, "1.2.840.10008.1.2")


def test_a_failure_without_reason_is_no_report() -> None:
    data_set = asked("1.2.9", item(CT, "1.2.3"))
    data_set.FailedSOPSequence = [item(MR, "1.2.345")]
    with pytest.raises(CannotUnderstand):
        decode_report(encoded(data_set), "1.2.840.10008.1.2")
