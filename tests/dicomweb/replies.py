"""Reads answers with as little of our own code as possible."""

from typing import Any, cast

from httpx2 import Response

from storage.ingest import Stored

EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
DICOM = 'multipart/related; type="application/dicom"'
OCTETS = 'multipart/related; type="application/octet-stream"'


def study_path(stored: Stored) -> str:
    return f"/studies/{stored.study_instance_uid}"


def series_path(stored: Stored) -> str:
    return f"{study_path(stored)}/series/{stored.series_instance_uid}"


def instance_path(stored: Stored) -> str:
    return f"{series_path(stored)}/instances/{stored.sop_instance_uid}"


def parts_of(response: Response) -> list[tuple[dict[str, str], bytes]]:
    """Header fields and content of each part of a multipart answer."""
    media_type, *parameters = response.headers["content-type"].split("; ")
    assert media_type == "multipart/related"
    boundary = dict(parameter.split("=", 1) for parameter in parameters)["boundary"].encode()
    body = b"\r\n" + response.content
    first, *parts, last = body.split(b"\r\n--" + boundary)
    assert (first, last) == (b"", b"--\r\n")
    return [_part(part.removeprefix(b"\r\n")) for part in parts]


def problem_of(response: Response, status: int) -> dict[str, Any]:
    """The problem details (RFC 9457) of a refusal with `status`."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "private, no-store"
    problem = cast(dict[str, Any], response.json())
    assert problem["status"] == status
    return problem


def _part(part: bytes) -> tuple[dict[str, str], bytes]:
    head, _, content = part.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    if "Content-Length" in fields:
        assert int(fields["Content-Length"]) == len(content)
    return fields, content
