"""The pages' texts and the language a visitor reads: by `?lang=`, else by the cookie, else by Accept-Language.

The texts lie in `viewer_static/texts/LANGUAGE/ROOM.json`, because browsers read the same files, each page its room's.
Plural forms, dates and lists follow Unicode's CLDR by way of Babel.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from starlette.requests import Request

COOKIE: Final = "lang"
_REGIONS: Final = {"en": "en-GB"}
"""Where a language alone would mean the habits of another country than those of our visitors."""


class Texts:
    """All texts of one language; `language` is its BCP 47 tag."""

    def __init__(self, language: str, sentences: Mapping[str, str]) -> None:
        self.language = language
        self._sentences = sentences
        self._locale = Locale.parse(_REGIONS.get(language, language), sep="-")

    def __call__(self, key: str, /, **values: object) -> str:
        """The text of `key` with its {places} filled. KeyError if the key or a value is missing."""
        sentence = self._sentences[key]
        return sentence.format_map(values) if values else sentence

    def __contains__(self, key: str) -> bool:
        return key in self._sentences

    def beginning_with(self, room: str) -> dict[str, str]:
        """All texts whose keys begin so, by their keys."""
        return {key: sentence for key, sentence in self._sentences.items() if key.startswith(room)}

    def count(self, key: str, number: int) -> str:
        """`key` in the plural form that the language has for `number`: count("images", 3) is "3 images"."""
        form = f"{key}.{self._locale.plural_form(number)}"
        return self(form if form in self else f"{key}.other", n=number)

    def day(self, moment: date) -> str:
        """A date in full: "3. März 2026"."""
        return format_date(moment, "long", self._locale)

    def list(self, things: Sequence[str]) -> str:
        """Things one after the other: "Brustkorb, Bauch und Becken"; empty for none."""
        return format_list(things, "standard", self._locale)

    def either(self, key: str, fallback: str) -> str:
        """The text of `key`, or of `fallback` where we have no word for it."""
        return self(key if key in self else fallback)


class Languages:
    """The languages on offer: those of `folder` that have every room.

    `default` is spoken to those whose browser asks for none of them.
    """

    def __init__(self, folder: Path, default: str) -> None:
        rooms = {path.stem for path in folder.glob("*/*.json")}
        self._texts = {
            path.name: Texts(path.name, _sentences(path))
            for path in sorted(folder.iterdir())
            if rooms <= {room.stem for room in path.glob("*.json")}
        }
        self._default = default

    def all(self) -> list[Texts]:
        """Every language, in alphabetic order of their tags."""
        return list(self._texts.values())

    def asked_for(self, request: Request) -> str | None:
        """The language that this request switches to, if it does."""
        language = request.query_params.get("lang", "")
        return language if language in self._texts else None

    def of(self, request: Request) -> Texts:
        """The texts to answer `request` with."""
        chosen = self.asked_for(request) or request.cookies.get(COOKIE, "")
        if chosen not in self._texts:
            chosen = preferred(request.headers.get("accept-language", ""), self._texts, self._default)
        return self._texts[chosen]


def _sentences(language: Path) -> dict[str, str]:
    """All rooms' texts; a key stands in one of them."""
    sentences: dict[str, str] = {}
    for room in sorted(language.glob("*.json")):
        sentences.update(json.loads(room.read_text("utf-8")))
    return sentences


def preferred(header: str, available: Mapping[str, object], default: str) -> str:
    """The best of `available` for an Accept-Language `header` (RFC 9110 12.5.4), or `default`."""
    ranked = []
    for position, part in enumerate(header.split(",")):
        language, _, parameter = part.strip().partition(";")
        primary = language.strip().lower().partition("-")[0]
        quality = _quality(parameter)
        if primary in available and quality > 0:
            ranked.append((-quality, position, primary))
    return min(ranked)[2] if ranked else default


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
