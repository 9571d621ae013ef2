"""Objects of more than 4 GB by STOW-RS, in both ways that can carry one: resident memory and rate.

    python -m benchmarks large_store [--gigabytes 4.5] [--form part10 json]

One video of that size goes to a freshly started gateway, made while it is sent; needs three times its size on the disk.
"""

import argparse
import http.client
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.comparison import table
from benchmarks.processes import running
from benchmarks.web_servers import Gateway
from storage.data_set.encoder import encode
from storage.data_set.part10 import FileMeta

_EXPLICIT: Final = "1.2.840.10008.1.2.1"
_VIDEO: Final = "1.2.840.10008.1.2.4.102"
_SOP_CLASS: Final = "1.2.840.10008.5.1.4.1.1.77.1.4.1"
_PIECE: Final = bytes(range(256)) * 4096
_FRAGMENT: Final = 1 << 31
_ITEM: Final = b"\xfe\xff\x00\xe0"
_HEAD: Final = b"--b\r\nContent-Type: %s\r\nContent-Location: %s\r\n\r\n"


def _data_set(form: str) -> dict[str, Any]:
    values = {
        "00080016": ("UI", _SOP_CLASS),
        "00080018": ("UI", f"2.25.{len(form)}"),
        "00080060": ("CS", "XC"),
        "00100020": ("LO", "LARGE"),
        "0020000D": ("UI", "2.25.1"),
        "0020000E": ("UI", "2.25.2"),
        "00280008": ("IS", 1000),
    }
    return {tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in values.items()}


def _pieces(size: int) -> Iterator[bytes]:
    for _ in range(size // len(_PIECE)):
        yield _PIECE


def _part10(size: int) -> Iterator[bytes]:
    """Fragments of 2 GB (PS3.5 A.4)."""
    yield _HEAD % (b"application/dicom", b"/1")
    yield FileMeta(_SOP_CLASS, "2.25.6", _VIDEO).encode() + encode(_data_set("part10"), _EXPLICIT)
    yield b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + _ITEM + bytes(4)
    for start in range(0, size, _FRAGMENT):
        length = min(_FRAGMENT, size - start)
        yield _ITEM + length.to_bytes(4, "little")
        yield from _pieces(length)
    yield b"\xfe\xff\xdd\xe0\0\0\0\0\r\n--b--\r\n"


def _json(size: int) -> Iterator[bytes]:
    data_set = _data_set("json") | {"7FE00010": {"vr": "OB", "BulkDataURI": "/video"}}
    yield _HEAD % (b"application/dicom+json", b"/1") + json.dumps([data_set]).encode() + b"\r\n"
    yield _HEAD % (b"video/mp4", b"/video")
    yield from _pieces(size)
    yield b"\r\n--b--\r\n"


_FORMS: Final[dict[str, tuple[str, Callable[[int], Iterator[bytes]]]]] = {
    "part10": ("application/dicom", _part10),
    "json": ("application/dicom+json", _json),
}


def measure(form: str, size: int, folder: Path) -> list[str]:
    """Send one; a line of the report. RuntimeError when it is not stored, or not of that size."""
    folder.mkdir()
    server = Gateway(folder, rights=("write",))
    with running(server, folder) as process:
        before, began = process.resident_mb(), time.perf_counter()
        status, answer = _post(server, form, size)
        seconds, growth = time.perf_counter() - began, process.resident_mb() - before
        kept = sum(path.stat().st_size for path in (folder / "data" / "blobs").rglob("*") if path.is_file())
    if status != 200 or kept <= size:
        raise RuntimeError(f"{form}: {status}, {kept} bytes kept: {answer[:500]!r}")
    return [form, f"{size / 1e9:.2f}", f"{size / 1e6 / seconds:.0f}", f"{growth:.0f}"]


def _post(server: Gateway, form: str, size: int) -> tuple[int, bytes]:
    media_type, body = _FORMS[form]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    headers = {"Content-Type": f'multipart/related; type="{media_type}"; boundary=b', **server.headers}
    connection.request("POST", "/dicom-web/studies", body(size), headers, encode_chunked=True)
    answer = connection.getresponse()
    return answer.status, answer.read()


def main(arguments: Sequence[str] | None = None) -> None:
    """Send in every form and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks large_store")
    parser.add_argument("--gigabytes", type=float, default=4.5)
    parser.add_argument("--form", nargs="+", choices=_FORMS, default=list(_FORMS))
    chosen = parser.parse_args(arguments)
    size = int(chosen.gigabytes * 1e9) // len(_PIECE) * len(_PIECE)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        rows = [measure(form, size, Path(folder) / form) for form in chosen.form]
    print(table(["form", "GB", "MB / s", "growth, MB"], rows))


if __name__ == "__main__":
    main()
