"""What is handed to a patient: the link in the QR code and the printed sheet."""

from auth.shares import Issued
from auth.sheet import sheet_pdf
from gateway.house import House


def share_url(house: House, issued: Issued) -> str:
    """The link that the QR code holds; its secret stands in the fragment, which no server sees."""
    return issued.link(house.config.public_root)


def sheet(house: House, issued: Issued) -> bytes:
    """The printed sheet as PDF, in the language of the site."""
    site = house.config.site
    house.storage.audit.record("sheet printed", issued.share.id, f"issue={issued.share.issue}")
    return sheet_pdf(
        issued,
        house.config.public_root,
        initials=_initials(house, issued),
        language=site.language,
        site=site.name,
        contact=site.contact,
    )


def _initials(house: House, issued: Issued) -> str:
    """First letters of given and family name of the newest study in the share; empty while there is none."""
    studies = house.storage.index.studies(issued.share.rule)
    if not studies:
        return ""
    family, given = (*studies[0].patient_name.split("^"), "")[:2]
    return " ".join(f"{name.strip()[0].upper()}." for name in (given, family) if name.strip())
