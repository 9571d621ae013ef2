"""Questions to an index that several tests ask."""

import gzip
import json
from typing import Any

from pydicom.uid import generate_uid

from storage.attributes import BY_KEYWORD, Level
from storage.ingest import Stored
from storage.query import Match, Query
from storage.scope import PatientIdentity, StudyScope
from tests.support.keeping import EVERYTHING, Keeping
from tests.support.synthetic import ct

ROOT = "https://pacs.example/dicom-web"
ERIKA = PatientIdentity("TEST-1", "", "19500131")
ALL_SCOPES: list[StudyScope] = [EVERYTHING, ERIKA]


def study_of(keeping: Keeping, series: int = 1, instances: int = 3, **attributes: Any) -> list[Stored]:
    """A study of numbered instances, stored from the last to the first."""
    study = generate_uid()
    stored = []
    for number in range(series, 0, -1):
        uid = generate_uid()
        for instance in range(instances, 0, -1):
            shared: dict[str, Any] = {"StudyInstanceUID": study, "SeriesInstanceUID": uid, "SeriesNumber": number}
            stored.append(keeping.put(ct(number=instance, **{**shared, **attributes})))
    return stored[::-1]


def array(metadata: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(gzip.decompress(metadata.gzipped))
    return found


def tags(result: dict[str, Any]) -> set[str]:
    return set(result)


def search(keeping: Keeping, level: Level, scope: StudyScope = EVERYTHING, **options: Any) -> list[dict[str, Any]]:
    keys = {key: options.pop(key) for key in list(options) if key in BY_KEYWORD}
    matches = tuple(Match(BY_KEYWORD[key], (value,)) for key, value in keys.items())
    return keeping.index.search(scope, Query(level, matches, **options)).data_sets


# --- instances ----------------------------------------------------------------------------------------------------
