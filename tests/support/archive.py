"""Archives described in a few words, entered into an index without any file, and what they hold at each level."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydicom.datadict import tag_for_keyword

from storage.attributes import Attribute, Level, attribute
from storage.catalogue.description import level_values
from storage.catalogue.entries import Entry, enter
from storage.data_set.frames import FrameTable
from storage.database import Database
from storage.records import InstanceRecord, Layout, encode_layout

Values = dict[str, str]


@dataclass(frozen=True)
class AnInstance:
    uid: str
    series: str
    study: str
    values: Values = field(default_factory=dict)
    """Attributes of all levels by keyword; what is empty is left out of the data set."""
    frames: int = 1
    items: dict[str, list[Values]] = field(default_factory=dict)
    """By keyword of a sequence the attributes of its items."""


def data_set(instance: AnInstance) -> dict[str, Any]:
    """`instance` as DICOM JSON."""
    uids = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
        "SOPInstanceUID": instance.uid,
        "StudyInstanceUID": instance.study,
        "SeriesInstanceUID": instance.series,
        "AvailableTransferSyntaxUID": "1.2.840.10008.1.2.1",
    }
    elements = _elements({**uids, **instance.values})
    for keyword, items in instance.items.items():
        elements[by_keyword(keyword).tag] = {"vr": "SQ", "Value": [_elements(item) for item in items]}
    return dict(sorted(elements.items()))


def by_keyword(keyword: str) -> Attribute:
    """The attribute of this name, or of this tag."""
    return attribute(f"{tag_for_keyword(keyword) or int(keyword, 16):08X}")


def _elements(values: Values) -> dict[str, Any]:
    known = [(by_keyword(keyword), value) for keyword, value in values.items() if value]
    return {
        one.tag: {
            "vr": one.vr if one.vr != "UN" else "LO",
            "Value": [_json(one.vr, part) for part in _parts(one, value)],
        }
        for one, value in known
    }


def _parts(known: Attribute, value: str) -> list[str]:
    """Names may be several; other values of the table are single ones and keep their backslashes."""
    return value.split("\\") if known.keyword == "OtherPatientNames" else [value]


def _json(vr: str, value: str) -> Any:
    if vr == "PN":
        names = zip(("Alphabetic", "Ideographic", "Phonetic"), value.split("="), strict=False)
        return {group: text for group, text in names if text}
    return int(value) if vr in ("IS", "US") else value


def entry(instance: AnInstance) -> Entry:
    """What the index is given for `instance`."""
    json = data_set(instance)
    number = instance.values.get("InstanceNumber")
    record = InstanceRecord(
        instance.study,
        instance.series,
        instance.uid,
        json["00080016"]["Value"][0],
        "1.2.840.10008.1.2.1",
        f"key of {instance.uid}",
        1000,
        100,
        f"digest of {instance.uid}",
        instance.values.get("Modality", ""),
        int(number) if number else None,
        instance.frames,
        0,
        0,
        0,
    )
    study, series, own = (level_values(level, json) for level in Level)
    layout = encode_layout(Layout(FrameTable(instance.frames, 100, 10) if instance.frames else None, {}))
    return Entry(record, study, series, own, zlib.compress(orjson.dumps(json)), layout, "test")


def fill(database: Database, instances: Iterable[AnInstance]) -> None:
    """Make the index hold these instances, in this order, and nothing else."""
    entries = [entry(instance) for instance in instances]

    def work(connection: Any) -> None:
        connection.execute("DELETE FROM study")
        for one in entries:
            enter(connection, one)

    database.write(work)
