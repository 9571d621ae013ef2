"""What is asked over HTTP of an archive of invented patients (`archive.py`) with one long series behind all others."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Final

from benchmarks import archive
from benchmarks.client import JSON
from benchmarks.web_servers import Question

SLICES: Final = 1_000
"""Instances of the long series."""
_FRAME: Final = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
_GZIP: Final = (("Accept-Encoding", "gzip"),)

Asked = Callable[[Random], Question]


def long_series(studies: int) -> Iterator[archive.DataSet]:
    """Its data sets."""
    return archive.long_series(studies, SLICES)


def searches(studies: int) -> dict[str, Asked]:
    """Named searches; each time others of the same kind."""
    long = _series(studies)

    def of_patient(random: Random) -> Question:
        return Question(f"/studies?PatientID={archive.patient_id(random.randrange(studies))}", JSON)

    return {
        "studies of a PatientID": of_patient,
        "studies of a month": lambda random: Question(f"/studies?{_month(random)}", JSON),
        "studies of a name with wildcard": lambda random: Question(f"/studies?{_name(random)}", JSON),
        "first page of studies": lambda _: Question("/studies?limit=25", JSON),
        "instances of a series of 1,000": lambda _: Question(f"{long}/instances", JSON),
    }


def alike(studies: int) -> dict[str, Asked]:
    """Named questions to which the answers are alike, however large the archive is."""
    long = _series(studies)

    def some(random: Random, rest: str) -> Question:
        return Question(_series(random.randrange(studies)) + rest, JSON)

    def frame(random: Random) -> Question:
        return Question(f"{long}/instances/{_instance(studies, random)}/frames/1", _FRAME)

    return {
        "ten studies of a year": lambda random: Question(f"/studies?{_year(random)}&limit=10", JSON),
        "ten studies of a name with wildcard": lambda random: Question(f"/studies?{_family(random)}&limit=10", JSON),
        "instances of a series of 25": lambda random: some(random, "/instances"),
        "metadata of a series of 1,000": lambda _: Question(f"{long}/metadata", JSON, _GZIP),
        "one frame": frame,
    }


def _series(study: int) -> str:
    uid = archive.study_uid(study)
    return f"/studies/{uid}/series/{uid}.1"


def _instance(study: int, random: Random) -> str:
    return f"{archive.study_uid(study)}.1.{random.randrange(SLICES) + 1}"


def _month(random: Random) -> str:
    first = f"20{random.randrange(16, 26)}{random.randrange(1, 13):02d}"
    return f"StudyDate={first}01-{first}31"


def _year(random: Random) -> str:
    first = f"20{random.randrange(16, 26)}"
    return f"StudyDate={first}0101-{first}1231"


def _name(random: Random) -> str:
    return f"PatientName={random.choice(('Bel', 'Mus', 'Wald'))}{random.choice(('dorn', 'lin', 'ost'))}*"


def _family(random: Random) -> str:
    return f"PatientName={random.choice(('Bel', 'Mus', 'Wald'))}*"
