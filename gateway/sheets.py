"""What is handed to a patient: the link in the QR code and the printed sheet."""

import base64
from io import BytesIO
from pathlib import Path

from PIL import Image

from auth.shares import Issued
from auth.sheet import Letterhead, Paper, sheet_pdf
from auth.sheet_texts import Language
from gateway.config import Config
from gateway.house import House
from gateway.sections import SiteConfig

_LARGEST_LOGO = 1 << 20


def share_url(house: House, issued: Issued) -> str:
    """The link that the QR code holds; its secret stands in the fragment, which no server sees."""
    return issued.link(house.config.public_root)


def sheet(house: House, issued: Issued, *, language: Language | None = None, paper: Paper | None = None) -> bytes:
    """The printed sheet as PDF, in the language and on the paper of its site unless others are named; audited."""
    house.storage.audit.record("sheet printed", issued.share.id, f"issue={issued.share.issue}")
    return draw(house, issued, language=language, paper=paper)


def draw(house: House, issued: Issued, *, language: Language | None = None, paper: Paper | None = None) -> bytes:
    """The same without a note: another form of a sheet that was handed out already."""
    site = site_of(house, issued.share.site)
    return sheet_pdf(
        issued,
        house.config.public_root,
        initials=initials(house, issued),
        language=language or site.language,
        paper=paper or site.paper,
        head=letterhead(house.config, site),
    )


def site_of(house: House, key: str) -> SiteConfig:
    """The site with this key; [site] where the configuration has it no more."""
    return house.config.site_of(key) or house.config.site


def letterhead(config: Config, site: SiteConfig) -> Letterhead:
    """Who hands a sheet of this site out."""
    return Letterhead(site.name, site.contact, logo(config, site))


def logo(config: Config, site: SiteConfig) -> bytes:
    """The site's logo; nothing when there is none, or it is no picture: `durchblick check` tells of that."""
    return picture(config.base / site.logo) if site.logo else b""


def logo_url(config: Config, site: SiteConfig) -> str:
    """The site's logo as a page holds it; "" without one."""
    content = logo(config, site)
    return data_url("image/png" if content.startswith(b"\x89PNG") else "image/jpeg", content)


def data_url(media_type: str, content: bytes) -> str:
    """`content` as an address that holds it; "" for nothing."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}" if content else ""


def picture(file: Path) -> bytes:
    """The content of a PNG or JPEG file of at most a megabyte; nothing when it is none."""
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST_LOGO)
        with Image.open(BytesIO(content), formats=("PNG", "JPEG")) as image:
            image.load()
    except (OSError, ValueError, Image.DecompressionBombError):
        return b""
    return content


def initials(house: House, issued: Issued) -> str:
    """First letters of given and family name of the newest study in the share; empty while there is none."""
    studies = house.storage.index.studies(issued.share.rule, limit=1)
    if not studies:
        return ""
    family, given = (*studies[0].patient_name.split("^"), "")[:2]
    return " ".join(f"{name.strip()[0].upper()}." for name in (given, family) if name.strip())
