"""Which of what came goes where: what a rule is, wherever it stands."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import orjson
from pydicom.datadict import tag_for_keyword

from gateway.sections import MAIN_SITE, RuleConfig
from storage.attributes import BY_KEYWORD, Level, attribute
from storage.index import Index
from storage.query import Match, Query
from storage.records import Arrived
from storage.scope import SiteStudies, WholeArchive

_SOP_INSTANCE_UID: Final = "00080018"

Keys = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which instances are meant; what is empty restricts nothing."""

    sources: frozenset[str] = frozenset()
    """AE titles, or kinds of intake."""
    modalities: frozenset[str] = frozenset()
    keys: Keys = ()
    """Attributes by keyword, each with the values of which one must match, as C-FIND matches them."""
    sites: frozenset[str] = frozenset()
    """Keys of the sites whose studies these are; "" is that of [site]."""

    @classmethod
    def of(cls, rule: RuleConfig) -> "Selection":
        """That of a rule of the configuration."""
        keys = tuple((keyword, tuple(values)) for keyword, values in sorted(rule.match.items()))
        sites = frozenset("" if name == MAIN_SITE else name for name in rule.sites)
        return cls(frozenset(rule.sources), frozenset(rule.modalities), keys, sites)

    def encode(self) -> str:
        """As it is kept; the same selection always is the same text, without sites that of older versions."""
        sites = [sorted(self.sites)] if self.sites else []
        return orjson.dumps([sorted(self.sources), sorted(self.modalities), self.keys, *sites]).decode()

    @classmethod
    def decode(cls, kept: str) -> "Selection":
        """What `encode` was given."""
        sources, modalities, keys, *sites = orjson.loads(kept)
        named = tuple((name, tuple(values)) for name, values in keys)
        return cls(frozenset(sources), frozenset(modalities), named, frozenset(*sites))

    def of_arrivals(self, index: Index, study: str, arrivals: Iterable[Arrived]) -> list[Arrived]:
        """Those of `arrivals`, which are all of `study`, that are meant."""
        chosen = [one for one in arrivals if self._is_from(one.source) and self._is_of(one.record.modality)]
        if not chosen or not self._is_at(index, study):
            return []
        if not self.keys:
            return chosen
        found = index.find(WholeArchive(), Query(Level.INSTANCE, (_of_study(study), *_matches(self.keys))))
        matching = {data_set[_SOP_INSTANCE_UID]["Value"][0] for data_set in found}
        return [one for one in chosen if one.record.sop_instance_uid in matching]

    def _is_at(self, index: Index, study: str) -> bool:
        query = Query(Level.STUDY, (_of_study(study),))
        return not self.sites or any(index.overviews(SiteStudies(site), query) for site in sorted(self.sites))

    def _is_from(self, source: str) -> bool:
        return not self.sources or not self.sources.isdisjoint(_names(source))

    def _is_of(self, modality: str) -> bool:
        return not self.modalities or modality in self.modalities


@dataclass(frozen=True, slots=True)
class Rule:
    """What goes to which targets, by their names. `number` is that of a rule of the desk, 0 of one of the file."""

    name: str
    selection: Selection
    targets: tuple[str, ...]
    number: int = 0

    @classmethod
    def of(cls, config: RuleConfig) -> "Rule":
        """One of the configuration."""
        return cls(config.name, Selection.of(config), config.to)

    @property
    def mark(self) -> str:
        """What logs call it: what staff name their rules may say more than a log should."""
        return f"desk {self.number}" if self.number else self.name


def sender(source: str) -> str:
    """The AE title of "AE@address"; any other source as it is."""
    return source.partition("@")[0]


def _names(source: str) -> set[str]:
    """What rules may call it: its AE title; of a kind of intake with its site ("upload:north") also just the kind."""
    return {sender(source)} if "@" in source else {source, source.partition(":")[0]}


def _of_study(uid: str) -> Match:
    return Match(BY_KEYWORD["StudyInstanceUID"], (uid,))


def _matches(keys: Iterable[tuple[str, tuple[str, ...]]]) -> Iterator[Match]:
    for keyword, values in keys:
        yield Match(attribute(f"{tag_for_keyword(keyword) or 0:08X}"), values)
