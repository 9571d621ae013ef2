"""README.TXT, as IHE PDI wants it: who made this, when, and how to open it; for people, in every language."""

from datetime import date

from gateway.config import SiteConfig
from gateway.pages.texts import Languages
from gateway.pages.wording import day


def readme(languages: Languages, site: SiteConfig, language: str, made: date) -> bytes:
    """The text, `language` first, in UTF-8, lines ended as all editors know them."""
    ordered = sorted(languages.all(), key=lambda words: words.language != language)
    parts = []
    for words in ordered:
        lines = [words("readme.title", site=site.name), "", words("readme.made", date=day(words, made)), ""]
        lines += [words("readme.open"), "", words("readme.doctor"), "", words("readme.phone"), ""]
        lines += [words("readme.notice"), "", words("readme.genuine")]
        if site.contact:
            lines += ["", words("readme.contact", contact=site.contact)]
        parts.append("\n".join(lines))
    return ("\n\n" + "-" * 70 + "\n\n").join(parts).replace("\n", "\r\n").encode() + b"\r\n"
