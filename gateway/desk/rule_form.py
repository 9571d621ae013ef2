"""The form of a rule: what it offers, what was filled in, and what that means or why it means nothing."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from auth.staff import Member
from dimse.negotiation import is_ae_title
from gateway.desk.forms import Form
from gateway.forwarding.keys import keyword_of
from gateway.forwarding.rulebook import LONGEST_NAME, KeptRule
from gateway.forwarding.rules import Keys, Selection
from gateway.house import House
from gateway.intake.accepting import SOURCE, source_of
from gateway.pages.wording import plain
from gateway.sections import MAIN_SITE

MOST_ATTRIBUTES: Final = 20
MOST_VALUES: Final = 50
LONGEST_VALUE: Final = 128
KINDS: Final = ("STOW-RS", "import")
"""Ways in that are no AE titles, beside uploads."""
_SPARE: Final = 1
"""Empty attributes that a form shows behind those that are filled in."""
_MODALITY: Final = re.compile(r"[A-Z0-9_]{1,16}")
_APART: Final = re.compile(r"[\s,;]+")


@dataclass(frozen=True, slots=True)
class Meant:
    """What a form means."""

    name: str
    selection: Selection
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """What may be chosen: targets, ways in, and sites with what they are called, by their names in rules."""

    targets: tuple[str, ...]
    sources: tuple[str, ...]
    sites: Mapping[str, str]

    @classmethod
    def of(cls, house: House, member: Member) -> "Offer":
        """Everybody who sees one site only has rules of that site only, so that there is nothing to choose."""
        config = house.config
        sites = config.site_names if member.site is None and config.sites else {}
        uploads = [SOURCE, *map(source_of, filter(None, sites))] if member.site is None else [source_of(member.site)]
        known = [one.peer.ae_title for one in house.entities.peers()]
        return cls(
            targets=tuple(one.name for one in config.forwarding.targets),
            sources=tuple(dict.fromkeys([*uploads, *KINDS, *known])),
            sites={key or MAIN_SITE: name for key, name in sites.items()},
        )


@dataclass(frozen=True, slots=True)
class RuleForm:
    """The fields as they stand in the form; lists have a line or a checked box for each."""

    name: str = ""
    targets: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    others: str = ""
    """AE titles that are not among those on offer."""
    sites: tuple[str, ...] = ()
    modalities: str = ""
    attributes: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    version: int = 0

    @classmethod
    def sent(cls, form: Form) -> "RuleForm":
        """What somebody has filled in."""
        pairs = [(form.one(f"attribute{n}"), form.one(f"values{n}")) for n in range(MOST_ATTRIBUTES)]
        version = form.one("version")
        return cls(
            name=plain(form.one("name"))[:LONGEST_NAME],
            targets=form.all("to"),
            sources=form.all("source"),
            others=form.one("others"),
            sites=form.all("site"),
            modalities=form.one("modalities"),
            attributes=tuple(pair for pair in pairs if any(pair)),
            version=int(version) if version.isascii() and version.isdecimal() and len(version) < 10 else 0,
        )

    @classmethod
    def filled(cls, kept: KeptRule, offer: Offer) -> "RuleForm":
        """The form of a rule as it is."""
        rule, selection = kept.rule, kept.rule.selection
        return cls(
            name=rule.name,
            targets=rule.targets,
            sources=tuple(one for one in offer.sources if one in selection.sources),
            others="\n".join(sorted(selection.sources.difference(offer.sources))),
            sites=tuple(sorted(site or MAIN_SITE for site in selection.sites)),
            modalities=" ".join(sorted(selection.modalities)),
            attributes=tuple((keyword, "\n".join(values)) for keyword, values in selection.keys),
            version=kept.version,
        )

    def with_spare(self, more: bool) -> tuple[tuple[str, str], ...]:
        """Its attributes and empty ones behind them, two `more` where somebody has asked for them."""
        spare = max(_SPARE + 2 * more, 2 - len(self.attributes))
        return (*self.attributes, *[("", "")] * spare)[:MOST_ATTRIBUTES]

    def meant(self, offer: Offer, member: Member) -> tuple[Meant, dict[str, str]]:
        """What it means, and its fields that are wrong with the ends of the keys of the texts that say why."""
        wrong: dict[str, str] = {}
        targets: tuple[str, ...] = ()
        sources: frozenset[str] = frozenset()
        modalities: frozenset[str] = frozenset()
        keys: Keys = ()
        with _noting(wrong, "name"):
            self._look_at_name()
        with _noting(wrong, "to"):
            targets = self._targets(offer)
        with _noting(wrong, "others"):
            sources = self._sources(offer)
        with _noting(wrong, "modalities"):
            modalities = self._modalities()
        with _noting(wrong, "attributes"):
            keys = self._keys()
        sites = frozenset({member.site}) if member.site is not None else self._sites(offer)
        return Meant(self.name, Selection(sources, modalities, keys, sites), targets), wrong

    def _look_at_name(self) -> None:
        if not self.name:
            raise _Wrong("no_name")

    def _targets(self, offer: Offer) -> tuple[str, ...]:
        found = tuple(one for one in offer.targets if one in self.targets)
        if not found:
            raise _Wrong("no_target")
        return found

    def _sources(self, offer: Offer) -> frozenset[str]:
        titles = [line.strip() for line in self.others.splitlines() if line.strip()]
        if len(titles) > MOST_VALUES or not all(map(is_ae_title, titles)):
            raise _Wrong("no_ae_title")
        return frozenset({*titles, *(one for one in self.sources if one in offer.sources)})

    def _sites(self, offer: Offer) -> frozenset[str]:
        return frozenset("" if name == MAIN_SITE else name for name in self.sites if name in offer.sites)

    def _modalities(self) -> frozenset[str]:
        found = [one for one in _APART.split(self.modalities.upper()) if one]
        if len(found) > MOST_VALUES or not all(map(_MODALITY.fullmatch, found)):
            raise _Wrong("no_modality")
        return frozenset(found)

    def _keys(self) -> Keys:
        keys: dict[str, tuple[str, ...]] = {}
        for named, lines in self.attributes:
            values = tuple(dict.fromkeys(line.strip() for line in lines.splitlines() if line.strip()))
            if not named or not values:
                raise _Wrong("half_attribute")
            if len(values) > MOST_VALUES or any(len(one) > LONGEST_VALUE or not one.isprintable() for one in values):
                raise _Wrong("no_value")
            try:
                keyword = keyword_of(named)
            except ValueError:
                raise _Wrong("no_attribute") from None
            if keyword in keys:
                raise _Wrong("attribute_twice")
            keys[keyword] = values
        return tuple(sorted(keys.items()))


class _Wrong(Exception):
    """A field that means nothing."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@contextmanager
def _noting(wrong: dict[str, str], name: str) -> Iterator[None]:
    try:
        yield
    except _Wrong as error:
        wrong[name] = error.kind
