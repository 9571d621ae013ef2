"""config.toml shows every key with its default, and explains it."""

import tomllib

from gateway.config import Config, PeerConfig
from tests.house.checkout import ROOT

TEXT = (ROOT / "config.toml").read_text(encoding="utf-8")


def test_config_toml_equals_the_defaults() -> None:
    defaults = Config().model_dump(mode="json")
    # An empty list of tables cannot be written in TOML beside others; the file shows one as a comment.
    assert defaults["dimse"].pop("peers") == []
    assert tomllib.loads(TEXT) == defaults


def test_each_section_of_a_peer_is_shown() -> None:
    commented = "\n".join(line.removeprefix("# ") for line in TEXT.splitlines() if line.startswith("# "))
    shown = commented[commented.index("[[dimse.peers]]") :].split("\n")[: 1 + len(PeerConfig.model_fields)]
    (peer,) = tomllib.loads("\n".join(shown))["dimse"]["peers"]
    assert list(peer) == list(PeerConfig.model_fields)
    assert PeerConfig(**peer) == PeerConfig(ae_title=peer["ae_title"], host=peer["host"])
