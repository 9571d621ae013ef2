"""Two series side by side: choosing the other one, and the page that shows both."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from auth.sessions import Session
from gateway.house import House
from gateway.pages.pages import Pages
from gateway.portal.stack import Stack
from gateway.portal.studies import Picture, SeriesView, StudyView, studies_of
from storage.errors import NoSuchInstance
from storage.records import StudySummary

GROUPS: Final = ("same_kind", "same_study", "others")
"""What is offered to compare with, in this order."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Series of one study that may be set beside another, the most alike first."""

    study: StudyView
    series: tuple[SeriesView, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: what pane.html needs to show it, and how its image is named in the address."""

    study: StudyView
    series: SeriesView
    stack: Stack
    picture: Picture
    name: str
    parameter: str


class Comparing:
    """Every read of the index gets the scope of the visitor's share."""

    def __init__(self, house: House, pages: Pages) -> None:
        self._index = house.storage.index
        self._pages = pages
        self._root = house.config.http.dicomweb_path

    def choose(self, request: Request, session: Session) -> Response:
        """What one series may be compared with. Raises NoSuchInstance."""
        studies = self._studies(request, session)
        study, series = _find(studies, request.path_params["study"], request.path_params["series"])
        values = {
            "study": study,
            "series": series,
            "groups": offers(studies, study, series),
            "i": _number(request, "i"),
        }
        return self._pages.render(request, "choose.html", values, session=session)

    def show(self, request: Request, session: Session) -> Response:
        """Both series; `?i=` and `?j=` are the numbers of their images. Raises NoSuchInstance."""
        studies, path = self._studies(request, session), request.path_params
        sides = [
            self._side(request, session, _find(studies, path["study"], path["series"]), "one", "i"),
            self._side(request, session, _find(studies, path["other"], path["beside"]), "other", "j"),
        ]
        return self._pages.render(request, "compare.html", {"sides": sides}, session=session)

    def _studies(self, request: Request, session: Session) -> list[StudyView]:
        words = self._pages.languages.of(request)
        return studies_of(words, self._root, self._index.studies(session.share.scope))

    def _side(
        self, request: Request, session: Session, found: tuple[StudyView, SeriesView], name: str, parameter: str
    ) -> Side:
        study, series = found
        uids = (study.study_instance_uid, series.series_instance_uid)
        stack = Stack(self._index.instances(session.share.scope, *uids))
        if not stack.total:
            raise NoSuchInstance("No image to compare.")
        stack.go_to(_number(request, parameter))
        return Side(study, series, stack, stack.picture(self._root), name, parameter)


def is_comparable(summaries: Iterable[StudySummary]) -> bool:
    """Whether there is more than one series with images."""
    return sum(1 for summary in summaries for series in summary.series if series.representative) > 1


def offers(studies: list[StudyView], study: StudyView, series: SeriesView) -> list[tuple[str, list[Offer]]]:
    """What `series` of `study` may be compared with, by `GROUPS`; studies of the same title come first."""
    found: dict[str, list[Offer]] = {group: [] for group in GROUPS}
    for other in sorted(studies, key=lambda one: one.title != study.title):
        there = [one for one in other.series if one.thumbnail and one.series_instance_uid != series.series_instance_uid]
        there.sort(key=lambda one: (one.modality != series.modality, one.name != series.name))
        if there:
            found[_group(other, there, study, series)].append(Offer(other, tuple(there)))
    return [(group, listed) for group, listed in found.items() if listed]


def _group(other: StudyView, there: list[SeriesView], study: StudyView, series: SeriesView) -> str:
    if other.study_instance_uid == study.study_instance_uid:
        return "same_study"
    return "same_kind" if there[0].modality == series.modality else "others"


def _find(studies: list[StudyView], study: str, series: str) -> tuple[StudyView, SeriesView]:
    for one in studies:
        for part in one.series:
            if (one.study_instance_uid, part.series_instance_uid) == (study, series):
                return one, part
    raise NoSuchInstance("No such series.")


def _number(request: Request, name: str) -> str:
    asked = request.query_params.get(name, "")
    return asked if asked.isascii() and asked.isdigit() else ""
