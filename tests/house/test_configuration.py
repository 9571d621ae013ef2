"""config.toml shows every key with its default, and explains it."""

import tomllib

from gateway.config import Config, OtherSiteConfig, PeerConfig
from tests.house.checkout import ROOT

TEXT = (ROOT / "config.toml").read_text(encoding="utf-8")


def test_config_toml_equals_the_defaults() -> None:
    defaults = Config().model_dump(mode="json")
    # An empty list of tables cannot be written in TOML beside others; the file shows one as a comment.
    assert defaults["dimse"].pop("peers") == []
    assert defaults.pop("sites") == []
    assert tomllib.loads(TEXT) == defaults


def _commented(table: str, keys: int) -> str:
    """The table that stands in comments, its head and so many lines."""
    commented = "\n".join(line.removeprefix("# ") for line in TEXT.splitlines() if line.startswith("# "))
    return "\n".join(commented[commented.index(table) :].split("\n")[: 1 + keys])


def test_each_key_of_another_site_is_shown() -> None:
    (site,) = tomllib.loads(_commented("[[sites]]", len(OtherSiteConfig.model_fields)))["sites"]
    assert set(site) == set(OtherSiteConfig.model_fields)
    assert OtherSiteConfig(**site) == OtherSiteConfig(key=site["key"], ae_titles=site["ae_titles"])


def test_each_section_of_a_peer_is_shown() -> None:
    shown = _commented("[[dimse.peers]]", len(PeerConfig.model_fields))
    (peer,) = tomllib.loads(shown)["dimse"]["peers"]
    assert list(peer) == list(PeerConfig.model_fields)
    assert PeerConfig(**peer) == PeerConfig(ae_title=peer["ae_title"], host=peer["host"])
