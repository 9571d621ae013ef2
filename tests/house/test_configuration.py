"""config.toml shows every key with its default, and explains it."""

import tomllib
from typing import Any

from pydantic import BaseModel

from gateway.config import Config
from gateway.sections import OtherSiteConfig, PeerConfig, PrintConfig, RuleConfig, TargetConfig
from tests.house.checkout import ROOT

TEXT = (ROOT / "config.toml").read_text(encoding="utf-8")


def test_config_toml_equals_the_defaults() -> None:
    defaults = Config().model_dump(mode="json")
    # An empty list of tables cannot be written in TOML beside others; the file shows one as a comment.
    assert [defaults["dimse"].pop(name) for name in ("peers", "print")] == [[], []]
    assert defaults["forwarding"].pop("targets") == [] == defaults["forwarding"].pop("rules")
    assert defaults.pop("sites") == []
    assert tomllib.loads(TEXT) == defaults


def _shown(section: str, name: str, model: type[BaseModel]) -> dict[str, Any]:
    """The table that stands in the file as a comment."""
    commented = "\n".join(line.removeprefix("# ") for line in TEXT.splitlines() if line.startswith("# "))
    head = f"[[{section}.{name}]]" if name else f"[[{section}]]"
    lines = commented[commented.index(head) :].split("\n")[: 1 + len(model.model_fields)]
    document = tomllib.loads("\n".join(lines))[section]
    (table,) = document[name] if name else document
    assert sorted(table) == sorted(model.model_fields)
    return dict(table)


def test_each_table_of_a_list_is_shown() -> None:
    peer = _shown("dimse", "peers", PeerConfig)
    assert PeerConfig(**peer) == PeerConfig(ae_title=peer["ae_title"], host=peer["host"])
    printing = _shown("dimse", "print", PrintConfig)
    assert PrintConfig(**printing) == PrintConfig(ae_title="SHARE90", command=printing["command"])
    site = _shown("sites", "", OtherSiteConfig)
    assert OtherSiteConfig(**site) == OtherSiteConfig(key=site["key"], ae_titles=site["ae_titles"])
    target = _shown("forwarding", "targets", TargetConfig)
    assert TargetConfig(**target) == TargetConfig(name=target["name"], ae_title=target["ae_title"])
    rule = RuleConfig(**_shown("forwarding", "rules", RuleConfig))
    assert rule.to == (target["name"],)
