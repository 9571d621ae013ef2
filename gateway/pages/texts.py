"""The pages' texts and the language a visitor reads: by `?lang=`, else by the cookie, else by Accept-Language.

The texts lie in `viewer_static/texts/LANGUAGE/ROOM.json`, because browsers read the same files, each page its room's.
Plural forms, dates and lists follow Unicode's CLDR by way of Babel.
"""

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from copy import copy
from datetime import date
from pathlib import Path
from typing import Final

from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from starlette.requests import Request

COOKIE: Final = "lang"
STAFF_ROOMS: Final = frozenset(
    {
        "desk",
        "desk_archive",
        "desk_deletion",
        "desk_forwarding",
        "desk_openid",
        "desk_rules",
        "desk_staff",
        "desk_upload_links",
        "desk_uploads",
    }
)
"""What only staff read: every language has all rooms of patients and senders, those of the house have these too."""
_COMMAS: Final = {"ar": "،"}
_REGIONS: Final = {"en": "en-GB"}
"""Where a language alone would mean the habits of another country than those of our visitors."""


class Texts:
    """All texts of one language; `language` is its BCP 47 tag, `habits` that of whose dates and numbers it follows."""

    def __init__(self, language: str, sentences: Mapping[str, str]) -> None:
        self.language = language
        self.habits = _REGIONS.get(language, language)
        self._sentences = sentences
        self._locale = Locale.parse(self.habits, sep="-")

    @property
    def direction(self) -> str:
        """Where its lines begin, as HTML's `dir` says it: "ltr" or "rtl"."""
        return str(self._locale.text_direction)

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
        return self(f"{key}.{self._locale.plural_form(number)}", n=number)

    def day(self, moment: date) -> str:
        """A date in full: "3. März 2026"."""
        return format_date(moment, "long", self._locale)

    def list(self, things: Sequence[str]) -> str:
        """Things one after the other: "Brustkorb, Bauch und Becken"; empty for none."""
        return format_list(things, "standard", self._locale)

    def any_of(self, things: Sequence[str]) -> str:
        """Things of which one is meant: "Brustkorb, Bauch oder Becken"; empty for none."""
        return format_list(things, "or", self._locale)

    @property
    def comma(self) -> str:
        """What stands between things that follow one another."""
        return _COMMAS.get(self.language, ",")

    def row(self, *things: str) -> str:
        """Things one after the other without a word between them: "Schädel, quer geschnitten"."""
        return f"{self.comma} ".join(things)

    def sentence(self, words: str) -> str:
        """Words as a line begins with them. Turkish has an i whose dot stays."""
        first = "İ" if self.language == "tr" and words[:1] == "i" else words[:1].upper()
        return first + words[1:]

    def either(self, key: str, fallback: str) -> str:
        """The text of `key`, or of `fallback` where we have no word for it."""
        return self(key if key in self else fallback)


class Languages:
    """The languages on offer: those of `folder` that have every room of patients and senders.

    `default` is spoken to those whose browser asks for none of them.
    """

    def __init__(self, folder: Path, default: str) -> None:
        rooms = {path.stem for path in folder.glob("*/*.json")} - STAFF_ROOMS
        rooms_of = {path.name: {room.stem for room in path.glob("*.json")} for path in sorted(folder.iterdir())}
        self._texts = {
            language: Texts(language, _sentences(folder / language))
            for language, has in rooms_of.items()
            if rooms <= has
        }
        self._staff = {language for language in self._texts if rooms_of[language] >= STAFF_ROOMS}
        self._default = default

    def for_staff(self) -> "Languages":
        """Those of them in which the desk is written too."""
        return self._only(self._staff)

    def for_archive(self, language: str) -> "Languages":
        """The patient's `language` and those of the house: what goes onto a stick is for others as well, and small."""
        return self._only({language, *self._staff})

    def _only(self, wanted: AbstractSet[str]) -> "Languages":
        some = copy(self)
        some._texts = {language: words for language, words in self._texts.items() if language in wanted}
        return some

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
