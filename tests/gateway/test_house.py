"""The house is built from one place, and its data folder belongs to us alone."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from gateway import house
from gateway.config import Config
from gateway.seats import ALONE, Seat
from gateway.sections import DimseConfig, PeerConfig, StorageConfig
from tests.support.gateway import command


def test_packages_from_two_places_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house.one_place()
    stranger = ModuleType("auth")
    stranger.__file__ = str(tmp_path / "auth" / "__init__.py")
    monkeypatch.setitem(sys.modules, "auth", stranger)
    with pytest.raises(ImportError, match="different places"):
        house.one_place()


def test_the_data_folder_is_closed_to_others(tmp_path: Path) -> None:
    built = house.build(Config(base=tmp_path))
    built.close()
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    assert (tmp_path / "data" / "secrets" / "pepper").stat().st_mode & 0o177 == 0


def test_settings_reach_the_rooms_in_their_units(tmp_path: Path) -> None:
    config = Config(
        storage=StorageConfig(free_space_floor_mb=3, decoders=4, decoder_memory_mb=256, decoder_seconds=5),
        dimse=DimseConfig(ae_title="X", peers=(PeerConfig(ae_title="A", host="10.0.0.1", port=105),)),
        base=tmp_path,
    )
    storage, dimse = house.storage_settings(config), house.dimse_settings(config)
    assert (storage.free_space_floor, storage.decoder_memory) == (3 * 2**20, 2**28)
    assert (storage.decoders, storage.decoder_seconds) == (4, 5)
    assert [(peer.ae_title, peer.host, peer.port) for peer in dimse.peers] == [("A", "10.0.0.1", 105)]


def test_tries_of_codes_and_passwords_are_shared_out_among_the_processes() -> None:
    for settings in (house.identity_settings, house.sign_in_settings):
        alone, parts = settings(ALONE), [settings(Seat(number, 2)) for number in (1, 2)]
        for name in ("attempts_per_second", "hashes_at_a_time", "hashes_waiting"):
            assert sum(getattr(part, name) for part in parts) == getattr(alone, name), name


def test_a_data_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in the way")
    (tmp_path / "config.toml").write_text("")
    finished = command("share", "list", "--config", str(tmp_path / "config.toml"))
    assert finished.returncode == 1
    assert finished.stderr.startswith("Error: ")
    assert finished.stderr.count("\n") == 1
