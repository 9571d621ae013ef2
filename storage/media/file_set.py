"""A file-set of kept instances (PS3.10 8): which file has which name, and the DICOMDIR that lists them.

    DICOMDIR
    DICOM/ST000001/SE000001/IN000001    studies, series and instances, numbered in the order in which they come

File IDs are numbers (PS3.10 8.2 and 8.5: eight characters a component): no name of a patient, no UID is part of one.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import orjson

from storage.attributes import Level
from storage.catalogue.condition import Condition, one_of
from storage.catalogue.visibility import SOURCES, visible
from storage.database import Database
from storage.identifiers import stand_in_uid
from storage.media.dicomdir import Json, Record, encode_dicomdir
from storage.media.record_types import IMAGE, KEYS, NEVER_ABSENT, PRIVATE, ROOT_TYPES, record_type
from storage.records import InstanceRecord, decode_metadata
from storage.scope import StudyScope

DICOMDIR: Final = "DICOMDIR"

_AT_ONCE: Final = 500
_MOST_OF_A_KIND: Final = 999_999
_CONTENT_SEQUENCE: Final = "0040A730"
_NUMBERS: Final = {"STUDY": ("00200010", "SH"), "SERIES": ("00200011", "IS")}

_BY_SERIES: Final = attrgetter("study_instance_uid", "series_instance_uid")


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One instance of a file-set and the components of its File ID."""

    record: InstanceRecord
    file_id: tuple[str, ...]

    @property
    def name(self) -> str:
        """The path below the root of the file-set."""
        return "/".join(self.file_id)


@dataclass(frozen=True)
class FileSet:
    """Instances with their names. The parts that only a directory needs are read when it is wanted."""

    files: tuple[MediaFile, ...]
    _database: Database
    _scope: StudyScope

    @classmethod
    def of(cls, database: Database, scope: StudyScope, records: Sequence[InstanceRecord]) -> "FileSet":
        """The file-set of these instances, which `scope` shows, ordered by study and series.

        Raises `ValueError` for more studies, series of a study or instances of a series than File IDs can number.
        """
        return cls(tuple(_named(records)), database, scope)

    @cached_property
    def uid(self) -> str:
        """The File-set UID: the same for the same content."""
        return stand_in_uid("file-set", *(file.record.digest for file in self.files))

    def dicomdir(self, sent: Mapping[str, str] | None = None) -> bytes:
        """The DICOMDIR as a file; `sent` are transfer syntaxes, by SOP Instance UID, that differ from those kept.

        What a kept instance lacks of what a directory must tell is told by its place in the set, if it is a number,
        and left empty otherwise: no date is invented.
        """
        roots: list[Record] = []
        levels = self._levels()
        for study, files in groupby(self.files, attrgetter("record.study_instance_uid")):
            roots += self._study(study, list(files), levels, roots, sent or {})
        return encode_dicomdir(roots, self.uid)

    def _study(
        self,
        study: str,
        files: Sequence[MediaFile],
        levels: Mapping[tuple[str, str], tuple[Json, Json]],
        roots: Sequence[Record],
        sent: Mapping[str, str],
    ) -> Iterator[Record]:
        """What the files of one study add to the root: its patient, if that is a new one, and loose records."""
        details = self._details(files)
        place = int(files[0].file_id[1][2:])
        of_study = Record("STUDY", {})
        for (_, series), group in groupby(files, lambda file: _BY_SERIES(file.record)):
            attributes, of_series = levels.get((study, series), ({}, {}))
            leaves = [_leaf(file, details, sent) for file in group]
            yield from (leaf for leaf in leaves if leaf.type in ROOT_TYPES)
            below = [leaf for leaf in leaves if leaf.type not in ROOT_TYPES]
            if below:
                of_study.keys = of_study.keys or _level("STUDY", attributes, place) | {"0020000D": _one("UI", study)}
                keys = _level("SERIES", of_series, len(of_study.below) + 1) | {"0020000E": _one("UI", series)}
                of_study.below.append(Record("SERIES", keys, below))
        if of_study.below:
            patient = Record("PATIENT", _keys("PATIENT", attributes))
            known = next((one for one in roots if one.type == "PATIENT" and one.keys == patient.keys), None)
            (known or patient).below.append(of_study)
            yield from () if known else (patient,)

    def _levels(self) -> dict[tuple[str, str], tuple[Json, Json]]:
        """The attributes of study and series by their UIDs."""
        studies = sorted({file.record.study_instance_uid for file in self.files})
        rows = self._rows(
            "study.study_instance_uid, series.series_instance_uid, study.attributes, series.attributes",
            Level.SERIES,
            "study.study_instance_uid",
            studies,
        )
        return {(row[0], row[1]): (orjson.loads(row[2]), orjson.loads(row[3])) for row in rows}

    def _details(self, files: Sequence[MediaFile]) -> dict[str, Json]:
        """The data sets of those instances whose record tells more than a number: images are not among them."""
        wanted = [file.record.sop_instance_uid for file in files if KEYS[_type(file.record)]]
        rows = self._rows("instance.sop_instance_uid, detail.metadata", Level.INSTANCE, "sop_instance_uid", wanted)
        return {row[0]: decode_metadata(row[1]) for row in rows}

    def _rows(self, columns: str, level: Level, column: str, values: Sequence[str]) -> Iterator[sqlite3.Row]:
        source = SOURCES[level]
        if level is Level.INSTANCE:
            source += " JOIN instance_detail AS detail ON detail.instance_id = instance.id"
        for begin in range(0, len(values), _AT_ONCE):
            where: Condition = visible(self._scope, level) & one_of(column, values[begin : begin + _AT_ONCE])
            yield from self._database.read(f"SELECT {columns} FROM {source} WHERE {where.sql}", where.parameters)


def _named(records: Sequence[InstanceRecord]) -> Iterator[MediaFile]:
    for study, (_, of_study) in enumerate(groupby(records, attrgetter("study_instance_uid")), 1):
        for series, (_, of_series) in enumerate(groupby(of_study, attrgetter("series_instance_uid")), 1):
            for instance, record in enumerate(of_series, 1):
                if max(study, series, instance) > _MOST_OF_A_KIND:
                    raise ValueError("a file-set numbers at most 999,999 of a kind")
                yield MediaFile(record, ("DICOM", f"ST{study:06d}", f"SE{series:06d}", f"IN{instance:06d}"))


def _type(record: InstanceRecord) -> str:
    return record_type(record.sop_class_uid, has_pixels=record.number_of_frames > 0)


def _leaf(file: MediaFile, details: Mapping[str, Json], sent: Mapping[str, str]) -> Record:
    """The record of one file; every type has a number but those at the root (PS3.3 F.5)."""
    record, kind = file.record, _type(file.record)
    keys = {
        "00041500": {"vr": "CS", "Value": list(file.file_id)},
        "00041510": _one("UI", record.sop_class_uid),
        "00041511": _one("UI", record.sop_instance_uid),
        "00041512": _one("UI", sent.get(record.sop_instance_uid, record.transfer_syntax_uid)),
    }
    if kind == PRIVATE:
        keys["00041432"] = _one("UI", record.sop_class_uid)
    if kind not in ROOT_TYPES:
        number = record.instance_number
        keys["00200013"] = _one("IS", int(file.file_id[3][2:]) if number is None else number)
    return Record(kind, keys if kind == IMAGE else keys | _keys(kind, details.get(record.sop_instance_uid, {})))


def _level(kind: str, attributes: Json, place: int) -> Json:
    """The keys of a study or series; its number is its place in the set where it has none."""
    keys = _keys(kind, attributes)
    tag, vr = _NUMBERS[kind]
    return keys if keys.get(tag, {}).get("Value") else keys | {tag: _one(vr, place)}


def _keys(kind: str, data_set: Json) -> Json:
    """What a data set has of the keys of a type; what only lies elsewhere in its file is left out."""
    found = {tag: data_set[tag] for tag in KEYS[kind] if tag in data_set}
    if modifiers := _modifiers(found.pop(_CONTENT_SEQUENCE, {})):
        found[_CONTENT_SEQUENCE] = {"vr": "SQ", "Value": modifiers}
    found = {tag: {"vr": vr} for tag, vr in NEVER_ABSENT.get(kind, {}).items()} | found
    return {tag: element for tag, element in found.items() if b'"BulkDataURI"' not in orjson.dumps(element)}


def _modifiers(content: Any) -> list[Any]:
    """Of a document's content only what modifies its title (PS3.3 F.5.26): the rest is in the file."""
    return [item for item in content.get("Value") or [] if _relation(item) == "HAS CONCEPT MOD"]


def _relation(item: Any) -> str:
    values = (item or {}).get("0040A010", {}).get("Value") or [""]
    return str(values[0])


def _one(vr: str, value: Any) -> Json:
    return {"vr": vr, "Value": [value]}
