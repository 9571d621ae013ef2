"""However long an object is, a few megabytes of it are in memory at a time."""

import asyncio
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from starlette.requests import Request
from starlette.responses import Response

from dicomweb.retrieve.bulk_data import BulkDataRetrieval
from dicomweb.retrieve.pixel_data import PixelRetrieval
from dicomweb.retrieve.wado import Retrieval
from storage.ingest import Stored
from storage.scope import StudyScope, WholeArchive
from storage.storage import Storage
from tests.dicomweb.conftest import BASE, Keep
from tests.support.synthetic import ct

FRAMES = 200
FRAME = 512 * 512
MOST = 12_000_000


@pytest.fixture
def long(keep: Keep) -> Stored:
    """A cine of 52 MB."""
    cine = ct(512, 512, NumberOfFrames=FRAMES, BitsAllocated=8, BitsStored=8, HighBit=7, PixelRepresentation=0)
    cine.PixelData = np.repeat(np.arange(FRAMES, dtype=np.uint8), FRAME).tobytes()
    cine["PixelData"].VR = "OB"
    return keep(cine)


def asked(stored: Stored, accept: str, **more: str) -> Request:
    path = {"study": stored.study_instance_uid, "series": stored.series_instance_uid}
    path |= {"instance": stored.sop_instance_uid} | more
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "path_params": path}
    return Request(scope | {"headers": [(b"accept", accept.encode())]})


def sent(response: Response) -> int:
    """How many bytes go out, none of which is kept."""
    count = 0

    async def send(message: Any) -> None:
        nonlocal count
        count += len(message.get("body", b""))

    async def receive() -> Any:
        await asyncio.sleep(60)

    asyncio.run(response({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send))
    return count


def test_a_long_object_in_every_form(storage: Storage, long: Stored) -> None:
    bulk_data = BulkDataRetrieval(storage, lambda _: BASE)
    frames = PixelRetrieval(storage, lambda _: BASE)
    instances = Retrieval(storage, lambda _: BASE)
    everything = ",".join(str(number) for number in range(1, FRAMES + 1))
    forms: list[tuple[Callable[[Request, StudyScope], Response], Request, int]] = [
        (instances.instances, asked(long, "application/dicom"), FRAMES * FRAME),
        (instances.instances, asked(long, "multipart/related"), FRAMES * FRAME),
        (bulk_data.value, asked(long, "application/octet-stream", path="7FE00010"), FRAMES * FRAME),
        (bulk_data.pixel_data, asked(long, "*/*"), FRAMES * FRAME),
        (frames.frames, asked(long, "*/*", frames=everything), FRAMES * FRAME),
        (frames.frames, asked(long, 'multipart/related; type="image/jls"', frames=everything), FRAMES * 50),
        (instances.instances, asked(long, "application/dicom; transfer-syntax=1.2.840.10008.1.2.5"), FRAMES * 50),
    ]
    for retrieve, request, least in forms:
        tracemalloc.start()
        try:
            assert sent(retrieve(request, WholeArchive())) >= least
            assert tracemalloc.get_traced_memory()[1] < MOST, request.headers["accept"]
        finally:
            tracemalloc.stop()
