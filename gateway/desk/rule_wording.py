"""Forwarding rules in the words of staff: each as one sentence, and how it stands."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gateway.desk.wording import Wording
from gateway.forwarding.delivery import Tally
from gateway.forwarding.rulebook import KeptRule, Standing
from gateway.forwarding.rules import Rule, Selection
from gateway.intake.accepting import SOURCE, source_of
from gateway.pages.wording import plain

_KINDS: Final = {"STOW-RS": "stow", "import": "import", SOURCE: "upload"}
_STANDING: Final[dict[Standing, tuple[str, str]]] = {
    "holds": ("live", "desk.rules.state_holds"),
    "off": ("expired", "desk.rules.state_off"),
    "clash": ("frozen", "desk.rules.state_rests"),
    "no target": ("frozen", "desk.rules.state_rests"),
}


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule in words; `url` is empty where the reader cannot change it, `trouble` where it is as it should be."""

    name: str
    url: str
    sentence: str
    origin: str
    badge: str
    state_word: str
    sent: str
    trouble: str


class RuleWording:
    """Puts rules into the words of one language; `sites` are the names of sites by their keys."""

    def __init__(self, wording: Wording, sites: Mapping[str, str]) -> None:
        self._wording = wording
        self._words = wording.words
        self._sites = sites

    def row(self, kept: KeptRule, tally: Tally, url: str) -> RuleRow:
        """A rule, and what became of what it sent."""
        words = self._words
        badge, state = _STANDING[kept.standing]
        return RuleRow(
            name=plain(kept.rule.name),
            url=url,
            sentence=self.sentence(kept.rule),
            origin=words("desk.rules.from_file" if kept.is_configured else "desk.rules.from_desk"),
            badge=badge,
            state_word=words(state),
            sent=self._sent(tally),
            trouble=self._trouble(kept),
        )

    def sentence(self, rule: Rule) -> str:
        """What goes where: "Alles von CT1, nur CT und MR, geht an PACS-A."."""
        words, selection = self._words, rule.selection
        what = [self._subject(selection), *self._restrictions(selection)]
        targets = words.list([plain(one) for one in rule.targets]) or words("desk.rules.nowhere")
        if selection == Selection():
            return words("desk.rules.sentence_all", targets=targets)
        key = "desk.rules.sentence_more" if len(what) > 1 else "desk.rules.sentence"
        return words(key, what=words.row(*what), targets=targets)

    def source(self, source: str) -> str:
        """Where something comes from: "von CT1", "aus angenommenen Uploads"."""
        words = self._words
        if source in _KINDS:
            return words(f"desk.rules.from_{_KINDS[source]}")
        site = next((key for key in self._sites if key and source_of(key) == source), None)
        if site is not None:
            return words("desk.rules.from_upload_of", site=plain(self._sites[site]))
        return words("desk.rules.from_ae", title=plain(source))

    def _subject(self, selection: Selection) -> str:
        words = self._words
        if not selection.sources:
            return words("desk.rules.everything")
        return words("desk.rules.everything_from", sources=words.list([*map(self.source, sorted(selection.sources))]))

    def _restrictions(self, selection: Selection) -> Iterator[str]:
        words = self._words
        if selection.sites:
            names = [plain(self._sites.get(key, key)) for key in sorted(selection.sites)]
            yield words("desk.rules.only_sites", sites=words.list(names))
        if selection.modalities:
            yield words("desk.rules.only_modalities", modalities=words.list(_plain(sorted(selection.modalities))))
        for keyword, values in selection.keys:
            quoted = [words("desk.rules.quoted", value=one) for one in _plain(values)]
            yield words("desk.rules.only_with", attribute=keyword, values=words.any_of(quoted))

    def _sent(self, tally: Tally) -> str:
        words = self._words
        parts = [words.count("desk.rules.waiting", tally.waiting)] if tally.waiting else []
        parts += [words.count("desk.rules.failed", tally.failed)] if tally.failed else []
        if tally.latest is not None:
            when = self._wording.since(datetime.fromtimestamp(tally.latest, UTC))
            parts.append(words("desk.rules.latest", when=when))
        return " · ".join(parts) or words("desk.rules.nothing_sent")

    def _trouble(self, kept: KeptRule) -> str:
        words = self._words
        if kept.standing == "clash":
            return words("desk.rules.clash")
        if kept.lost:
            key = "lost" if kept.rule.targets else "all_lost"
            return words(f"desk.rules.{key}", targets=words.list(_plain(kept.lost)))
        return ""


def _plain(texts: Iterable[str]) -> list[str]:
    return [plain(one) for one in texts]
