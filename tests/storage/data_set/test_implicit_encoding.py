"""Every bundled data set in Implicit VR Little Endian, as pydicom reads it."""

from io import BytesIO

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from storage.data_set.implicit_encoding import implicit
from storage.data_set.part10 import read
from storage.errors import CannotUnderstand
from tests.support.synthetic import ct, part10


def recoded(content: bytes) -> Dataset:
    source = read(BytesIO(content))
    pieces = list(implicit(source.buffer, source.elements))
    assert all(pieces)
    return pydicom.dcmread(BytesIO(b"".join(pieces)), force=True)


def plain(data_set: Dataset) -> dict[int, object]:
    return {int(one.tag): [plain(item) for item in one.value] if one.VR == "SQ" else one.value for one in data_set}


def image() -> Dataset:
    """Nested sequences, empty ones, private attributes, odd values and long pixels."""
    made = ct(rows=512, columns=512)
    code = Dataset()
    code.CodeValue, code.CodeMeaning = "T-1", "Lunge"
    inner = Dataset()
    inner.PurposeOfReferenceCodeSequence = Sequence([code, code])
    made.ReferencedImageSequence = Sequence([inner, Dataset()])
    made.RequestAttributesSequence = Sequence([])
    made.ImageComments = "odd"
    block = made.private_block(0x0011, "MUSTER", create=True)
    block.add_new(1, "UN", b"\1\2\3\4")
    return made


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_nothing_is_lost(syntax: str) -> None:
    content = part10(image(), syntax)
    original = pydicom.dcmread(BytesIO(content))
    assert plain(recoded(content)) == plain(original)


def test_implicit_to_implicit_changes_nothing() -> None:
    content = part10(image(), ImplicitVRLittleEndian)
    source = read(BytesIO(content))
    again = read(BytesIO(b"".join(implicit(source.buffer, source.elements))))
    first = b"".join(implicit(source.buffer, source.elements))
    assert b"".join(implicit(again.buffer, again.elements)) == first


def test_pieces_stay_small() -> None:
    source = read(BytesIO(part10(image())))
    assert max(map(len, implicit(source.buffer, source.elements))) <= 2 * 262_144


def test_big_endian_values_are_refused() -> None:
    source = read(BytesIO(part10(ct(), ExplicitVRBigEndian)))
    with pytest.raises(CannotUnderstand, match="Big endian"):
        list(implicit(source.buffer, source.elements))
