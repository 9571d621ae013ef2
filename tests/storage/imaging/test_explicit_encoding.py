from io import BytesIO

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from storage.data_set import part10
from storage.data_set.data_elements import Element
from storage.imaging.explicit_encoding import data_set, element_header, encoded
from tests.storage.encodings import file_of
from tests.support.synthetic import ct

IMPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"


def nothing(_: list[Element]) -> dict[int, bytes]:
    return {}


def rewritten(source: Dataset, transfer_syntax: str, replaced: dict[int, bytes] | None = None) -> Dataset:
    """`source` through a file in `transfer_syntax` and our writer."""
    scanned = part10.read(BytesIO(file_of(source, transfer_syntax)))
    written = b"".join(data_set(scanned.buffer, scanned.elements, nothing, replaced))
    meta = part10.FileMeta("1.2", "1.2.3", "1.2.840.10008.1.2.1").encode()
    return pydicom.dcmread(BytesIO(meta + written))


def everything() -> Dataset:
    source = ct()
    source.ReferencedFrameNumber = [1, 2, 3]
    source.SelectorUSValue = [1, 65535]
    source.SelectorFDValue = [1.5, -2.5]
    source.SelectorATValue = 0x00100020
    source.SelectorSLValue = [-1, 1]
    source.PatientComments = "ä" * 700
    inner, innermost = Dataset(), Dataset()
    innermost.SelectorUSValue = 7
    inner.ContentSequence = Sequence([innermost, Dataset()])
    source.ContentSequence = Sequence([inner])
    block = source.private_block(0x0011, "Muster", create=True)
    block.add_new(1, "DS", "1.50")
    block.add_new(2, "OB", b"\1\2\3\4")
    return source


def test_every_value_survives_from_either_encoding() -> None:
    for transfer_syntax in (IMPLICIT, BIG_ENDIAN):
        source = everything()
        del source[0x00110010:0x00120000]
        found = rewritten(source, transfer_syntax)
        if transfer_syntax == BIG_ENDIAN:
            # pydicom writes the bytes of Pixel Data as they are, so they have now been turned round.
            found.PixelData = np.frombuffer(found.PixelData, "<u2").byteswap().tobytes()
        assert found == source, transfer_syntax


def test_private_elements_are_kept() -> None:
    found = rewritten(everything(), BIG_ENDIAN)
    assert found.private_block(0x0011, "Muster")[1].value == 1.5
    found = rewritten(everything(), IMPLICIT)
    assert bytes(found.private_block(0x0011, "Muster")[2].value) == b"\1\2\3\4"


def test_elements_are_replaced_added_and_removed_in_order() -> None:
    replaced = {
        0x00280004: encoded(0x00280004, "CS", b"RGB"),
        0x00080005: b"",
        0x00282110: encoded(0x00282110, "CS", b"01"),
        0xFFFCFFFC: encoded(0xFFFCFFFC, "OB", b""),
    }
    found = rewritten(ct(), IMPLICIT, replaced)
    assert found.PhotometricInterpretation == "RGB"
    assert found.LossyImageCompression == "01"
    assert "SpecificCharacterSet" not in found
    tags = [element.tag for element in found]
    assert tags == sorted(tags)


def test_group_lengths_are_left_out() -> None:
    source = ct()
    source.add_new(0x00080000, "UL", 1234)
    assert 0x00080000 not in rewritten(source, IMPLICIT)


def test_headers_by_length_and_vr() -> None:
    assert element_header(0x00100010, "PN", 4) == b"\x10\0\x10\0PN\4\0"
    assert element_header(0x7FE00010, "OW", 4) == b"\xe0\x7f\x10\0OW\0\0\4\0\0\0"
    assert element_header(0x00100010, "PN", 1 << 16) == b"\x10\0\x10\0UN\0\0\0\0\1\0"
    assert encoded(0x00100010, "PN", b"abc")[-4:] == b"abc "
    assert encoded(0x0020000D, "UI", b"1.2")[-4:] == b"1.2\0"
