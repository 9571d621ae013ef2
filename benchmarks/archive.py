"""An archive of invented patients for measurements of queries: the same instances for every server, 2 kB each."""

import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random
from typing import Any, Final

import orjson

from storage.attributes import Level
from storage.catalogue.description import level_values
from storage.catalogue.entries import Entry, enter
from storage.data_set.encoder import encode
from storage.data_set.frames import FrameTable
from storage.data_set.part10 import FileMeta
from storage.database import Database
from storage.records import InstanceRecord, Layout, encode_layout

DataSet = dict[str, Any]

SERIES_OF_A_STUDY: Final = 2
INSTANCES_OF_A_SERIES: Final = 25

_STUDIES_OF_A_PATIENT: Final = 2
_ROOT: Final = "1.2.826.0.1.3680043.10.1559"
_SOP_CLASS: Final = "1.2.840.10008.5.1.4.1.1.2"
_TRANSFER_SYNTAX: Final = "1.2.840.10008.1.2.1"
_SYLLABLES: Final = ("bel", "dorn", "fal", "gers", "hol", "kar", "lin", "mus", "ner", "ost", "ter", "wald")
_GIVEN: Final = ("Anna", "Ben", "Erika", "Jan", "Lena", "Max", "Mia", "Otto", "Paul", "Rosa")
_MODALITIES: Final = ("CT", "MR", "CR", "US", "MG")
_PIXELS: Final = b64encode(bytes(1024)).decode()
_GROUP: Final = 20_000


def instances(count: int, seed: int = 1) -> Iterator[DataSet]:
    """`count` instances as DICOM JSON, study by study; the same ones each time."""
    random = Random(seed)
    for number in range(count):
        series, instance = divmod(number, INSTANCES_OF_A_SERIES)
        study, of_study = divmod(series, SERIES_OF_A_STUDY)
        if not instance and not of_study:
            shared = _study(study, random)
        yield shared | _instance(study, of_study, instance)


def studies_in(instances: int) -> int:
    """How many studies so many instances are."""
    return max(1, instances // (SERIES_OF_A_STUDY * INSTANCES_OF_A_SERIES))


def patient_id(study: int) -> str:
    """The PatientID of a study by its number."""
    return f"B{study // _STUDIES_OF_A_PATIENT:07d}"


def study_uid(study: int) -> str:
    """The Study Instance UID of a study by its number."""
    return f"{_ROOT}.{study + 1}"


def part10(data_set: DataSet) -> bytes:
    """A DICOM file with this data set."""
    meta = FileMeta(_SOP_CLASS, data_set["00080018"]["Value"][0], _TRANSFER_SYNTAX)
    return meta.encode() + encode(data_set, _TRANSFER_SYNTAX)


def long_series(study: int, count: int) -> Iterator[DataSet]:
    """The instances of one more study, which has a single series of so many."""
    shared = _study(study, Random(study))
    for number in range(count):
        yield shared | _instance(study, 0, number)


def fill(database: Database, data_sets: Iterable[DataSet]) -> None:
    """Enter them into an index, without files: queries do not look for these."""
    entries = _entries(data_sets)
    while group := list(islice(entries, _GROUP)):
        _enter(database, group)


def _enter(database: Database, group: list[Entry]) -> None:
    database.write(lambda connection: [enter(connection, entry) for entry in group])


def _study(study: int, random: Random) -> DataSet:
    of_patient = Random(study // _STUDIES_OF_A_PATIENT)
    family = "".join(of_patient.choices(_SYLLABLES, k=3)).capitalize()
    birth = f"19{of_patient.randrange(30, 99)}{of_patient.randrange(1, 13):02d}{of_patient.randrange(1, 29):02d}"
    day = f"20{random.randrange(16, 26)}{random.randrange(1, 13):02d}{random.randrange(1, 29):02d}"
    modality = random.choice(_MODALITIES)
    return {
        "00080005": _one("CS", "ISO_IR 192"),
        "00080016": _one("UI", _SOP_CLASS),
        "00080020": _one("DA", day),
        "00080030": _one("TM", f"{random.randrange(24):02d}{random.randrange(60):02d}00"),
        "00080050": _one("SH", f"A{study:07d}"),
        "00080060": _one("CS", modality),
        "00080070": _one("LO", "Beispielwerk"),
        "00080080": _one("LO", "Musterklinik"),
        "00080090": _one("PN", {"Alphabetic": f"Zuweiser^{random.choice(_GIVEN)}"}),
        "00081030": _one("LO", f"{modality} {random.choice(('Thorax', 'Abdomen', 'Kopf', 'Knie'))}"),
        "00100010": _one("PN", {"Alphabetic": f"{family}^{of_patient.choice(_GIVEN)}"}),
        "00100020": _one("LO", patient_id(study)),
        "00100030": _one("DA", birth),
        "00100040": _one("CS", of_patient.choice("FM")),
        "0020000D": _one("UI", study_uid(study)),
        "00200010": _one("SH", str(study)),
        "00280002": _one("US", 1),
        "00280004": _one("CS", "MONOCHROME2"),
        "00280010": _one("US", 32),
        "00280011": _one("US", 32),
        "00280100": _one("US", 8),
        "00280101": _one("US", 8),
        "00280102": _one("US", 7),
        "00280103": _one("US", 0),
        "7FE00010": {"vr": "OB", "InlineBinary": _PIXELS},
    }


def _instance(study: int, series: int, number: int) -> DataSet:
    uid = f"{study_uid(study)}.{series + 1}"
    return {
        "00080018": _one("UI", f"{uid}.{number + 1}"),
        "0008103E": _one("LO", f"Serie {series + 1}"),
        "0020000E": _one("UI", uid),
        "00200011": _one("IS", series + 1),
        "00200013": _one("IS", number + 1),
    }


def _one(vr: str, value: Any) -> dict[str, Any]:
    return {"vr": vr, "Value": [value]}


def _entries(data_sets: Iterable[DataSet]) -> Iterator[Entry]:
    """What ingest would make of them; what a data set shares with the one before it is worked out once."""
    last: DataSet = {}
    study = series = instance = None
    layout = encode_layout(Layout(FrameTable(1, 900, 1024), {"7FE00010": (900, 1024)}))
    for data_set in data_sets:
        kept = dict(sorted((data_set | _ADDED).items()))
        changed = {tag for tag in kept.keys() | last.keys() if kept.get(tag) != last.get(tag)}
        study = level_values(Level.STUDY, kept, study, changed)
        series = level_values(Level.SERIES, kept, series, changed)
        instance = level_values(Level.INSTANCE, kept, instance, changed)
        yield Entry(_record(kept), study, series, instance, zlib.compress(orjson.dumps(kept), 1), layout, "benchmark")
        last = kept


def _record(data_set: DataSet) -> InstanceRecord:
    names = (data_set[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018"))
    modality, number = (data_set[tag]["Value"][0] for tag in ("00080060", "00200013"))
    study, series, uid = names
    kind = (_SOP_CLASS, _TRANSFER_SYNTAX)
    return InstanceRecord(study, series, uid, *kind, "-", 2_000, 300, f"digest {uid}", modality, number, 1, 32, 32, 8)


_ADDED: Final = {
    "00083002": _one("UI", _TRANSFER_SYNTAX),
    "7FE00010": {"vr": "OB", "BulkDataURI": "bulkdata:7FE00010"},
}
"""What ingest adds to a data set, and what stands there for its pixels."""
