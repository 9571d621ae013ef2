"""Bodies of Store requests, written with as little of our own code as possible."""

import json
from typing import Any

from storage.data_set.native_model import encode

JSON = "application/dicom+json"
XML = "application/dicom+xml"
Parts = list[tuple[dict[str, str], bytes]]


def content_type(media_type: str) -> str:
    return f'multipart/related; type="{media_type}"; boundary=b'


def body(parts: Parts) -> bytes:
    """`parts` are header fields and content."""
    whole = b""
    for fields, content in parts:
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        whole += b"--b\r\n" + head.encode() + b"\r\n" + content + b"\r\n"
    return whole + b"--b--\r\n"


def metadata(data_sets: list[dict[str, Any]], media_type: str = JSON) -> Parts:
    """The parts with metadata: one array in JSON, one document each in XML."""
    fields = {"Content-Type": media_type}
    if media_type == JSON:
        return [(fields, json.dumps(data_sets).encode())]
    return [(fields, encode(data_set)) for data_set in data_sets]


def bulk(location: str, content: bytes, media_type: str = "application/octet-stream") -> Parts:
    return [({"Content-Type": media_type, "Content-Location": location}, content)]
