import struct

from storage.imaging.codestream import Codestream, jpeg, jpeg_2000


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def sof(marker: int, rows: int, columns: int, ids: bytes, precision: int = 8) -> bytes:
    components = b"".join(bytes((one, 0x11, 0)) for one in ids)
    return segment(marker, struct.pack(">BHHB", precision, rows, columns, len(ids)) + components)


def test_jpeg_frame_header_behind_other_segments() -> None:
    frame = b"\xff\xd8" + segment(0xE0, b"JFIF\0" + bytes(9)) + b"\xff" + sof(0xC0, 3, 500, b"\1\2\3")
    assert jpeg(frame) == Codestream(3, 500, 3, 8, component_ids=(1, 2, 3), jfif=True)


def test_jpeg_lossless_and_jpeg_ls_are_lossless() -> None:
    for marker in (0xC3, 0xF7):
        found = jpeg(b"\xff\xd8" + sof(marker, 7, 9, b"\0", 12))
        assert found is not None
        assert (found.rows, found.columns, found.precision, found.lossless) == (7, 9, 12, True)


def test_adobe_marker_counts_only_with_its_transform() -> None:
    whole = segment(0xEE, b"Adobe" + bytes(6) + b"\1")
    cut = segment(0xEE, b"Adobe" + bytes(5))
    for marker, expected in ((whole, 1), (cut, None)):
        found = jpeg(b"\xff\xd8" + marker + sof(0xC0, 1, 1, b"\1\2\3"))
        assert found is not None
        assert found.adobe_transform == expected


def test_cut_or_foreign_bytes_are_no_jpeg() -> None:
    frame = b"\xff\xd8" + sof(0xC0, 1, 1, b"\1\2\3")
    assert all(jpeg(frame[:length]) is None for length in range(2, 12))
    assert jpeg(b"") is None
    assert jpeg(b"GIF89a") is None
    assert jpeg(b"\xff\xd8\xff\xe0\0\0" * 4) is None


def test_jpeg_2000_size_takes_off_the_image_offset() -> None:
    siz = struct.pack(">HHHIIIIIIIIH", 0xFF51, 41, 0, 110, 60, 10, 20, 110, 60, 0, 0, 1) + bytes((0x8B, 1, 1))
    assert jpeg_2000(b"\xff\x4f" + siz) == Codestream(40, 100, 1, 12, signed=True)
    assert jpeg_2000(b"\0\0\0\x0cjP  \r\n\x87\n" + b"\xff\x4f" + siz) == Codestream(40, 100, 1, 12, signed=True)
    assert jpeg_2000(b"\xff\x4f" + siz[:-3]) is None
    assert jpeg_2000(b"\xff\xd8\xff" + bytes(100)) is None
