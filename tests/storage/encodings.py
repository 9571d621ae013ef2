"""Encoded data sets, made by pydicom or byte by byte, and what pydicom says of them."""

import warnings
from base64 import b64encode
from io import BytesIO
from struct import pack
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian

from storage.data_set import part10
from storage.data_set.part10 import Part10
from tests.support.synthetic import ct

INSTANCE = "2.25.1"
UNDEFINED = 0xFFFFFFFF


def file_of(data_set: Dataset, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """`data_set` as a Part 10 file, in one of the native transfer syntaxes."""
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    data_set.file_meta.MediaStorageSOPInstanceUID = UID(INSTANCE)
    data_set.file_meta.TransferSyntaxUID = UID(transfer_syntax)
    target = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dcmwrite(target, data_set, enforce_file_format=True)
    return target.getvalue()


def small_file(transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """A CT image with two nested sequences, one with open and one with closed lengths, and private attributes."""
    image = ct(4, 4)
    outer, inner = Dataset(), Dataset()
    inner.CodeValue, inner.CodeMeaning = "T1", "innermost"
    outer.ReferencedSOPInstanceUID = "2.25.7"
    outer.PurposeOfReferenceCodeSequence = [inner]
    image.SourceImageSequence = [outer, Dataset()]
    image["SourceImageSequence"].is_undefined_length = True
    image.ReferencedImageSequence = [outer]
    image.private_block(0x0011, "DURCHBLICK TEST", create=True).add_new(1, "OB", b"\1\2\3\4")
    return file_of(image, transfer_syntax)


def read(encoded: bytes) -> Part10:
    return part10.read(BytesIO(encoded))


def explicit(tag: int, vr: str, value: bytes, length: int | None = None) -> bytes:
    """One element in Explicit VR Little Endian, of any announced length."""
    announced = len(value) if length is None else length
    head = pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"):
        return head + pack("<HL", 0, announced) + value
    return head + pack("<H", announced) + value


def implicit(tag: int, value: bytes, length: int | None = None) -> bytes:
    """One element in Implicit VR Little Endian, of any announced length; items and delimiters too."""
    return pack("<HHL", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


ITEM_END = implicit(0xFFFEE00D, b"")
SEQUENCE_END = implicit(0xFFFEE0DD, b"")


def item(value: bytes, length: int | None = None) -> bytes:
    return implicit(0xFFFEE000, value, length)


def with_meta(data_set: bytes, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """A Part 10 file around bytes that need not be a data set."""
    return part10.FileMeta("1.2.840.10008.5.1.4.1.1.7", INSTANCE, transfer_syntax).encode() + data_set


def encapsulated(fragments: list[bytes], table: bytes = b"", transfer_syntax: str = "", **attributes: int) -> bytes:
    """An image whose Pixel Data are `fragments` behind the basic offset table `table`."""
    frames = attributes.get("frames", 1)
    head = explicit(0x00080018, "UI", b"2.25.1") + explicit(0x00280008, "IS", str(frames).encode())
    pixels = item(table) + b"".join(item(fragment) for fragment in fragments) + SEQUENCE_END
    whole = head + explicit(0x7FE00010, "OB", pixels, UNDEFINED)
    return with_meta(whole, transfer_syntax or "1.2.840.10008.1.2.4.50")


def expected(data_set: Dataset) -> dict[str, Any]:
    """What pydicom makes of `data_set`, levelled by `levelled`; an attribute it cannot convert is left out."""
    json: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for tag in data_set:
            try:
                json[f"{int(tag.tag):08X}"] = tag.to_json_dict(None, 0)
            except (TypeError, ValueError):
                continue
    return levelled(json)


def inlined(
    model: dict[str, Any], bulk_data: dict[str, tuple[int, int]], buffer: Any, path: str = ""
) -> dict[str, Any]:
    """`model` with every BulkDataURI replaced by the bytes it refers to."""
    json: dict[str, Any] = {}
    for key, attribute in model.items():
        if "BulkDataURI" in attribute:
            offset, length = bulk_data[path + key]
            value = b64encode(buffer[offset : offset + length]).decode()
            json[key] = {"vr": attribute["vr"], "InlineBinary": value}
        elif attribute["vr"] == "SQ":
            items = enumerate(attribute.get("Value", []))
            json[key] = {
                "vr": "SQ",
                "Value": [inlined(one, bulk_data, buffer, f"{path}{key}/{index}/") for index, one in items],
            }
        else:
            json[key] = attribute
    return json


def levelled(json: dict[str, Any]) -> dict[str, Any]:
    """`json` without what may differ between two right models: 500 and 500.0, "" and null, padding, group lengths."""
    level = {}
    for key, attribute in json.items():
        if key.endswith("0000") or key in ("00080005", "00083002"):
            continue
        vr = str(attribute["vr"])
        if "InlineBinary" in attribute:
            vr = "OB" if key == "7FE00010" else vr
            level[key] = {"vr": vr, "InlineBinary": attribute["InlineBinary"]}
            continue
        values = [_levelled_value(value, vr) for value in attribute.get("Value", [])]
        level[key] = {"vr": vr, "Value": values if any(value is not None for value in values) else []}
    return level


def _levelled_value(value: Any, vr: str) -> Any:
    if vr == "SQ":
        return levelled(value)
    if isinstance(value, dict):
        return {group: name for group, name in value.items() if name} or None
    if isinstance(value, str):
        return value.rstrip(" ") or None
    return float(value) if isinstance(value, int | float) else value


NATIVE = ("1.2.840.10008.1.2", str(ExplicitVRLittleEndian), str(ExplicitVRBigEndian))
DEFLATED = str(DeflatedExplicitVRLittleEndian)
