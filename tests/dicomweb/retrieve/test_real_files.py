"""Real files through the front door and back: byte for byte as stored, and in every syntax that is on offer."""

from io import BytesIO
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from storage.data_set import part10
from storage.errors import Refusal
from tests.dicomweb.conftest import Keep
from tests.dicomweb.replies import BIG, EXPLICIT, IMPLICIT, instance_path, parts_of
from tests.support.corpus import needs_shared, shared


@needs_shared
@pytest.mark.parametrize("folder", ["transfer_syntax", "colour"])
def test_every_transfer_syntax(client: TestClient, keep: Keep, folder: str) -> None:
    """PS3.18 8.7.3: `*` is what is stored; frames in their own media type are what the file holds (PS3.5 A.4)."""
    syntaxes = set()
    for path in shared(folder):
        if path.stat().st_size > 150_000:
            continue
        content = path.read_bytes()
        try:
            stored = keep(content)
        except Refusal:
            continue
        syntax = as_stored(client, instance_path(stored), content, path)
        problems = client.get(f"{instance_path(stored)}/frames/1", headers={"Accept": "x/y"}).json()
        for offer in problems.get("acceptable", ()):
            if offer.startswith("multipart"):
                continue
            answer = client.get(f"{instance_path(stored)}/frames/1", headers={"Accept": offer})
            assert answer.status_code in (200, 406), (path.name, offer)
            assert answer.status_code == 200 or not offer.endswith(syntax), (path.name, offer)
        syntaxes.add(syntax)
    assert len(syntaxes) >= (20 if folder == "transfer_syntax" else 4)


def as_stored(client: TestClient, instance: str, content: bytes, path: Path) -> str:
    """Its transfer syntax, once it has come back as it was."""
    answer = client.get(instance, headers={"Accept": "application/dicom; transfer-syntax=*"})
    syntax = answer.headers["content-type"].rpartition("=")[2]
    kept = part10.read(BytesIO(content)).meta.transfer_syntax_uid
    if kept in (IMPLICIT, BIG):
        assert syntax == EXPLICIT
        return kept
    assert (answer.status_code, syntax, answer.content) == (200, kept, content), path.name
    ((_, part),) = parts_of(client.get(instance, headers={"Accept": 'multipart/related; transfer-syntax="*"'}))
    assert part == content, path.name
    return kept
