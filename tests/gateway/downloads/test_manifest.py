"""The signed manifest: whoever has the public key sees whether files were changed, added or taken away."""

import shutil
import stat
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import orjson
import pytest

from gateway.downloads.manifest import MANIFEST, SIGNATURE, verify
from gateway.downloads.site_key import SiteKey, UnusableKey
from gateway.house import House
from tests.gateway.downloads.conftest import prepare
from tests.gateway.portal_house import Portal

PICTURE = "IHE_PDI/ST000001/SE000001/00000001.JPG"


@pytest.fixture
def unpacked(portal: Portal, tmp_path: Path) -> Path:
    """A prepared archive, unpacked."""
    folder = tmp_path / "unpacked"
    archive = prepare(portal.house, portal.issued)
    (tmp_path / "archive.zip").write_bytes(archive.content)
    with ZipFile(BytesIO(archive.content)) as opened:
        opened.extractall(folder)
    return folder


@pytest.fixture
def public(house: House) -> str:
    return SiteKey(house.storage.folder).public_pem


def test_what_left_the_house_is_genuine_as_archive_and_as_folder(unpacked: Path, public: str) -> None:
    for path in (unpacked, unpacked.with_name("archive.zip")):
        verdict = verify(path, public)
        assert verdict.is_genuine and verdict.site == "Musterklinikum"
        assert verdict.intact == 3 + 3 + 4
        assert (verdict.changed, verdict.missing, verdict.added) == ([], [], [])


def _change(folder: Path) -> None:
    (folder / PICTURE).write_bytes(b"another picture")


def _remove(folder: Path) -> None:
    (folder / PICTURE).unlink()


def _manifest(folder: Path) -> None:
    path = folder / MANIFEST
    path.write_bytes(path.read_bytes().replace(b"Musterklinikum", b"Anderswo"))


def _signature(folder: Path) -> None:
    (folder / SIGNATURE).write_text("no base64 at all!")


def _unsigned(folder: Path) -> None:
    (folder / SIGNATURE).unlink()


@pytest.mark.parametrize("change", [_change, _remove, _manifest, _signature, _unsigned])
def test_what_was_changed_is_not_genuine(unpacked: Path, public: str, change: Callable[[Path], None]) -> None:
    change(unpacked)
    verdict = verify(unpacked, public)
    assert not verdict.is_genuine
    assert bool(verdict.problem) == (change in (_manifest, _signature, _unsigned))
    assert verdict.changed == ([PICTURE] if change is _change else [])
    assert verdict.missing == ([PICTURE] if change is _remove else [])


def test_files_that_were_added_are_named(unpacked: Path, public: str) -> None:
    (unpacked / "NOTES.TXT").write_text("mine")
    verdict = verify(unpacked, public)
    assert verdict.is_genuine and verdict.added == ["NOTES.TXT"]


def test_another_house_cannot_sign_for_this_one(unpacked: Path, tmp_path: Path) -> None:
    other = SiteKey(tmp_path / "other")
    assert "another key" in verify(unpacked, other.public_pem).problem
    assert "no Ed25519 key" in verify(unpacked, "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n").problem


def test_damaged_archives_and_others_are_no_archives_of_ours(unpacked: Path, public: str, tmp_path: Path) -> None:
    whole = unpacked.with_name("archive.zip").read_bytes()
    for content in (b"", b"no archive", whole[: len(whole) // 2]):
        path = tmp_path / "damaged.zip"
        path.write_bytes(content)
        assert verify(path, public).problem
    twice = tmp_path / "twice.zip"
    shutil.copy(unpacked.with_name("archive.zip"), twice)
    with ZipFile(twice, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("README.TXT", "another one")
    assert verify(twice, public).problem
    flipped = bytearray(whole)
    flipped[whole.index(b"JFIF") + 40] ^= 1
    path.write_bytes(flipped)
    assert verify(path, public).changed == [PICTURE]


def test_the_manifest_is_plain_json(unpacked: Path) -> None:
    manifest = orjson.loads((unpacked / MANIFEST).read_bytes())
    assert manifest["format"] == "durchblick manifest 1"
    assert set(manifest["files"]) >= {"DICOMDIR", "INDEX.HTM", PICTURE}


def test_the_key_is_made_once_for_nobody_else_to_read(house: House) -> None:
    first = SiteKey(house.storage.folder).public_pem
    assert SiteKey(house.storage.folder).public_pem == first
    path = house.storage.folder / "secrets" / "signing-key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir() if "signing" in one.name] == ["signing-key"]
    path.chmod(0o644)
    with pytest.raises(UnusableKey):
        SiteKey(house.storage.folder).sign(b"")
    path.chmod(0o600)
    path.write_text("no key")
    with pytest.raises(UnusableKey):
        SiteKey(house.storage.folder).sign(b"")
