"""What `durchblick check` says of the files that the desk needs, and that a bad one spoils no sheet."""

from pathlib import Path

import pytest

from gateway.checks import findings
from gateway.config import Config
from gateway.sections import DeskConfig, OpenIdConfig, OtherSiteConfig, SiteConfig
from gateway.sheets import picture
from tests.gateway.desk.conftest import logo


def _said(config: Config) -> dict[str, bool]:
    return {one.what: one.good for one in findings(config) if "logo" in one.what or "openid" in one.what}


def test_files_that_are_missing_or_no_pictures_are_named(tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(logo())
    (tmp_path / "bad.png").write_bytes(b"<svg/>")
    openid = OpenIdConfig(name="Haus", issuer="https://login.example", client_id="a", client_secret_file="secret")
    config = Config(
        base=tmp_path,
        site=SiteConfig(logo="good.png"),
        sites=(OtherSiteConfig(key="north", logo="bad.png"), OtherSiteConfig(key="south", logo="none.png")),
        desk=DeskConfig(openid=openid),
    )
    assert _said(config) == {
        "site.logo": True,
        "sites.north.logo": False,
        "sites.south.logo": False,
        "desk.openid": False,
    }
    (tmp_path / "secret").write_text("x", encoding="utf-8")
    assert _said(config)["desk.openid"]
    assert _said(Config(base=tmp_path)) == {}


@pytest.mark.parametrize("content", [b"", b"<svg/>", logo()[:40], b"GIF89a" + bytes(100)], ids=len)
def test_what_is_no_picture_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "logo").write_bytes(content)
    assert picture(tmp_path / "logo") == b""
