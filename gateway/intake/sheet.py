"""The sheet of an upload link: what a share's sheet is for seeing images, this one is for sending them."""

from dataclasses import replace
from typing import Final

from auth.sheet import Handout, Paper, handout_pdf
from auth.sheet_texts import TEXTS, Language, SheetTexts
from gateway.config import Config
from gateway.intake.links import Form, IssuedLink
from gateway.sheets import letterhead

_WORDS: Final[dict[Language, SheetTexts]] = {
    "de": replace(
        TEXTS["de"],
        title="Bilder an uns senden",
        first_step="Scannen Sie den QR-Code mit dem Handy. Oder öffnen Sie am Computer die Adresse unten.",
        second_step="Am Computer: Geben Sie den Code ein.",
        third_step="Füllen Sie das Formular aus. Wählen Sie dann Ihre Bilder.",
        code="Code",
        keep_safe="Mit diesem Blatt kann man uns Bilder nur senden. Niemand kann damit Bilder ansehen.",
        notice="Nicht für Notfälle!",
        notice_reason="Wir sehen Ihre Bilder nicht sofort. Rufen Sie im Notfall den Rettungsdienst.",
    ),
    "en": replace(
        TEXTS["en"],
        title="Send us your images",
        first_step="Scan the QR code with your phone. Or open the address below on a computer.",
        second_step="On a computer: Enter the code.",
        third_step="Fill in the form. Then choose your images.",
        code="Code",
        keep_safe="With this sheet images can only be sent to us. Nobody can look at images with it.",
        notice="Not for emergencies",
        notice_reason="We do not see your images at once. In an emergency call an ambulance.",
    ),
}
_SUBJECTS: Final[dict[Language, dict[Form, str]]] = {
    "de": {"patient": "Für Patientinnen und Patienten", "referrer": "Für Praxen und Kliniken"},
    "en": {"patient": "For patients", "referrer": "For practices and hospitals"},
}
_STANDING: Final[dict[Language, str]] = {"de": "Gültig bis auf Weiteres", "en": "Valid until further notice"}


def address(config: Config) -> str:
    """What people type."""
    return f"{config.public_root}/u"


def handout(config: Config, issued: IssuedLink, language: Language) -> Handout:
    """What the sheet of a link says."""
    link, texts = issued.link, _WORDS[language]
    until = texts.valid_until.format(texts.long_date(link.expires)) if link.expires else _STANDING[language]
    return Handout(texts, _SUBJECTS[language][link.form], until, issued.url(config.public_root), issued.code)


def link_sheet(config: Config, issued: IssuedLink, *, language: Language, paper: Paper) -> bytes:
    """The sheet as PDF, with the letterhead of the link's site; raises as `handout_pdf`."""
    site = config.site_of(issued.link.site) or config.site
    return handout_pdf(
        handout(config, issued, language),
        address(config),
        language=language,
        paper=paper,
        head=letterhead(config, site),
    )
