"""The gateway does not start with a dangerous configuration, and says how to mend it."""

from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from gateway.cli.main import durchblick
from gateway.config import Config, parse
from gateway.dangers import _LOOKS, dangers

PEER: Final = {"ae_title": "PACS1", "host": "10.0.0.5"}
HTTPS: Final = {"host": "0.0.0.0", "public_url": "https://a.example"}

# The key that is objected to, what is dangerous, and the same made safe.
DANGEROUS: Final[dict[str, tuple[str, dict[str, Any], dict[str, Any]]]] = {
    "open to the network without TLS": ("http.host", {"http": {"host": "0.0.0.0"}}, {"http": HTTPS}),
    "an address that is not encrypted": (
        "http.public_url",
        {"http": {"public_url": "http://images.example"}},
        {"http": {"public_url": "https://images.example"}},
    ),
    "everybody is a proxy": (
        "http.trusted_proxies",
        {"http": {"trusted_proxies": ["0.0.0.0/0"]}},
        {"http": {"trusted_proxies": ["10.0.0.0/8", "proxy.example"]}},
    ),
    "a proxy by a star": ("http.trusted_proxies", {"http": {"trusted_proxies": ["*"]}}, {}),
    "a viewer that is not encrypted": (
        "http.cors_origins",
        {"http": {"cors_origins": ["http://viewer.example"]}},
        {"http": {"cors_origins": ["https://viewer.example", "http://localhost:3000"]}},
    ),
    "an OHIF that is not encrypted": (
        "viewers.ohif_url",
        {"viewers": {"ohif_url": "http://viewer.example"}},
        {"viewers": {"ohif_url": "http://127.0.0.1:3000/ohif"}},
    ),
    "DICOMweb over the portal": (
        "http.dicomweb_path",
        {"http": {"dicomweb_path": "/studies"}},
        {"http": {"dicomweb_path": "/pacs/studies"}},
    ),
    "a DICOM node for everybody": (
        "dimse.host",
        {"dimse": {"host": "0.0.0.0"}},
        {"dimse": {"host": "0.0.0.0", "peers": [PEER]}},
    ),
    "unknown senders from the network": (
        "dimse.host",
        {"dimse": {"host": "0.0.0.0", "peers": [PEER], "accept_unknown_peers": True}},
        {"dimse": {"accept_unknown_peers": True}},
    ),
    "debug output of a machine that others reach": (
        "log.level",
        {"log": {"level": "debug"}, "http": HTTPS},
        {"log": {"level": "debug"}},
    ),
    "a token sent in the clear": (
        "forwarding.targets",
        {"forwarding": {"targets": [{"name": "A", "url": "http://pacs.example/dicom-web", "token_file": "t"}]}},
        {"forwarding": {"targets": [{"name": "A", "url": "https://pacs.example/dicom-web", "token_file": "t"}]}},
    ),
    "a shell that prints": (
        "dimse.print",
        {"dimse": {"print": [{"ae_title": "SHARE90", "command": ["/bin/sh", "-c", "lp {file}"]}]}},
        {"dimse": {"print": [{"ae_title": "SHARE90", "command": ["/usr/bin/lp", "{file}"]}]}},
    ),
    "a shell that scans": (
        "intake.scan",
        {"intake": {"scan": ["bash", "-c", "clamscan {file}"]}},
        {"intake": {"scan": ["clamscan", "{file}"]}},
    ),
    "sheets for everybody to read": (
        "dimse.print",
        {"dimse": {"print": [{"ae_title": "SHARE90", "spool": "open"}]}},
        {"dimse": {"print": [{"ae_title": "SHARE90", "spool": "closed"}]}},
    ),
    "a data folder for everybody to read": (
        "storage.folder",
        {"storage": {"folder": "open"}},
        {"storage": {"folder": "closed"}},
    ),
    "a private key for others to read": (
        "audit.key",
        {"audit": {"key": "open.key"}},
        {"audit": {"key": "closed.key"}},
    ),
}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder with things that others can read, and things that they cannot."""
    for name, mode in (("open", 0o755), ("closed", 0o750)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    for name, mode in (("open.key", 0o640), ("closed.key", 0o600)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    return tmp_path


@pytest.mark.parametrize("danger", DANGEROUS)
def test_it_is_refused_and_the_same_made_safe_is_not(base: Path, danger: str) -> None:
    key, document, safe = DANGEROUS[danger]
    found = dangers(parse(document, base))
    assert [objection.key for objection in found] == [key]
    assert len(found[0].sentence) > 40
    assert dangers(parse(safe, base)) == []


def test_every_look_finds_something(base: Path) -> None:
    configs = [parse(document, base) for _, document, _ in DANGEROUS.values()]
    assert [look.__name__ for look in _LOOKS if not any(list(look(config)) for config in configs)] == []
    assert dangers(Config(base=base)) == []


def test_serve_does_not_start(base: Path) -> None:
    file = base / "config.toml"
    file.write_text('[http]\nhost = "0.0.0.0"\ndicomweb_path = "/static"\n')
    finished = CliRunner().invoke(durchblick, ["serve", "--config", str(file)])
    assert finished.exit_code == 1
    assert finished.stderr.count("Error: ") == 2
