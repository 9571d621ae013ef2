"""INDEX.HTM: the viewer of an archive as one page, which loads nothing but the pictures that lie beside it.

Style and script stand in it, named by their hashes in its policy; what the images say of themselves stands in a block
of JSON, which browsers do not run, and becomes text on the page and nothing else.
"""

import base64
import hashlib
from collections.abc import Mapping
from functools import cached_property
from html import escape
from pathlib import Path
from string import Template
from typing import Any, Final

import orjson

from gateway.downloads.script import classic
from gateway.pages.texts import Languages

Json = dict[str, Any]

_POLICY: Final = (
    "default-src 'none'; script-src {script}; style-src {style}; img-src 'self' file: blob: data:; "
    "media-src 'self' file:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
)
_ROOM: Final = "offline."
# What would end the block of data, or begin another one, as JSON writes it otherwise.
_HARMLESS: Final = {b"<": b"\\u003c", b">": b"\\u003e", b"&": b"\\u0026"}


class OfflinePage:
    """Puts the page together; what does not depend on a download is read once."""

    def __init__(self, static: Path, languages: Languages) -> None:
        """`static` is the folder of what browsers load."""
        self._folder = static / "offline"
        self._languages = languages

    def html(self, catalogue: Mapping[str, Any], language: str) -> bytes:
        """The page for this catalogue (see `gateway.downloads.catalogue`), to begin with in this language."""
        spoken = self._languages.for_archive(language).all()
        texts = {words.language: words.beginning_with(_ROOM) for words in spoken}
        names = {words.language: {"name": words("language.name"), "direction": words.direction} for words in spoken}
        data = orjson.dumps({"language": language, "languages": names, "texts": texts, **catalogue})
        for character, written in _HARMLESS.items():
            data = data.replace(character, written)
        filled = self._template.substitute(
            policy=escape(_POLICY.format(script=_hash(self._script), style=_hash(self._style))),
            language=escape(language),
            title=escape(str(catalogue["site"])),
            notice=escape(" · ".join(dict.fromkeys(words["offline.notice"] for words in texts.values()))),
            no_script=escape(" ".join(words["offline.no_script"] for words in texts.values())),
            style=self._style,
            script=self._script,
            data=data.decode(),
        )
        return filled.encode()

    @cached_property
    def _template(self) -> Template:
        return Template((self._folder / "index.html").read_text(encoding="utf-8"))

    @cached_property
    def _style(self) -> str:
        return (self._folder / "offline.css").read_text(encoding="utf-8")

    @cached_property
    def _script(self) -> str:
        return classic(self._folder / "main.js")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
