"""config.toml shows every key with its default, and explains it."""

import tomllib
from typing import Any

from gateway.config import Config, PeerConfig, PrintConfig
from tests.house.checkout import ROOT

TEXT = (ROOT / "config.toml").read_text(encoding="utf-8")


def test_config_toml_equals_the_defaults() -> None:
    defaults = Config().model_dump(mode="json")
    # An empty list of tables cannot be written in TOML beside others; the file shows one as a comment.
    assert [defaults["dimse"].pop(name) for name in ("peers", "print")] == [[], []]
    assert tomllib.loads(TEXT) == defaults


def shown(name: str, keys: int) -> dict[str, Any]:
    """A section that is shown as a comment."""
    commented = "\n".join(line.removeprefix("# ") for line in TEXT.splitlines() if line.startswith("# "))
    lines = commented[commented.index(f"[[dimse.{name}]]") :].split("\n")[: 1 + keys]
    (section,) = tomllib.loads("\n".join(lines))["dimse"][name]
    found: dict[str, Any] = section
    return found


def test_each_section_of_a_peer_is_shown() -> None:
    peer = shown("peers", len(PeerConfig.model_fields))
    assert list(peer) == list(PeerConfig.model_fields)
    assert PeerConfig(**peer) == PeerConfig(ae_title=peer["ae_title"], host=peer["host"])


def test_each_section_of_printing_is_shown() -> None:
    printing = shown("print", len(PrintConfig.model_fields))
    assert list(printing) == list(PrintConfig.model_fields)
    assert PrintConfig(**printing) == PrintConfig(ae_title="SHARE90", command=printing["command"])
