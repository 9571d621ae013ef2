"""README.TXT, as IHE PDI wants it: who made this, when, and how to open it; for people, in every language."""

from collections.abc import Callable
from datetime import date
from typing import Literal, Protocol

from gateway.pages.texts import Languages, Texts
from gateway.pages.wording import day
from gateway.sections import SiteConfig


def readme(languages: Languages, site: SiteConfig, language: str, made: date) -> bytes:
    """The text of an archive with a viewer, `language` first, in UTF-8, lines ended as all editors know them."""

    def paragraphs(words: Texts) -> list[str]:
        head = [words("readme.title", site=site.name), words("readme.made", date=day(words, made))]
        keys = ("readme.open", "readme.doctor", "readme.phone", "readme.notice", "readme.genuine")
        return [*head, *(words(key) for key in keys), *_contact(words, site)]

    return _in_every_language(languages, language, paragraphs)


def readme_without_names(languages: Languages, site: SiteConfig, language: str, doubtful: int, left_out: int) -> bytes:
    """The text of an anonymised archive: what was done, and what nobody can know without looking."""

    def paragraphs(words: Texts) -> list[str]:
        found = [words("readme.anonymised_title"), words("readme.anonymised"), words("readme.anonymised_check")]
        if doubtful:
            found.append(words("readme.anonymised_doubtful", n=doubtful))
        if left_out:
            found.append(words("readme.anonymised_left_out", n=left_out))
        return [*found, *_contact(words, site)]

    return _in_every_language(languages, language, paragraphs)


class Gaps(Protocol):
    """What an archive ought to hold and does not."""

    left_out: int
    """How many objects cannot be shown as pictures."""

    failed: list[str]
    """The names of films that could not be made."""


PicturesForm = Literal["pictures", "sheets", "films"]


def readme_of_pictures(
    languages: Languages, site: SiteConfig, language: str, made: date, form: PicturesForm, gaps: Gaps
) -> bytes:
    """The text beside pictures, contact sheets or films, which also tells what is not among them."""

    def paragraphs(words: Texts) -> list[str]:
        found = [words("readme.title", site=site.name), words("readme.made", date=day(words, made))]
        found += [words(f"readme.{form}"), words("readme.pictures_notice")]
        if gaps.left_out:
            found.append(words("readme.pictures_left_out", n=gaps.left_out))
        if gaps.failed:
            found.append(words("readme.films_failed", names="\n".join(gaps.failed)))
        return [*found, words("readme.genuine"), *_contact(words, site)]

    return _in_every_language(languages, language, paragraphs)


def _in_every_language(languages: Languages, language: str, paragraphs: Callable[[Texts], list[str]]) -> bytes:
    ordered = sorted(languages.for_archive(language).all(), key=lambda words: words.language != language)
    parts = ["\n\n".join(paragraphs(words)) for words in ordered]
    return ("\n\n" + "-" * 70 + "\n\n").join(parts).replace("\n", "\r\n").encode() + b"\r\n"


def _contact(words: Texts, site: SiteConfig) -> list[str]:
    return [words("readme.contact", contact=site.contact)] if site.contact else []
