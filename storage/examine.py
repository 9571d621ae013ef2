"""Reads a received file and decides whether it can be kept and found again, and under which names."""

from functools import lru_cache
from typing import Any, Final, NamedTuple

from storage.attributes import Level
from storage.catalogue import comparable
from storage.catalogue.description import level_values, text
from storage.catalogue.entries import Entry
from storage.data_set import part10
from storage.data_set.part10 import FileMeta
from storage.data_set.predecessor import Predecessor
from storage.data_set.reading import Reading, plain
from storage.errors import CannotUnderstand, DataSetMismatch, Refusal
from storage.files import blob_key
from storage.identifiers import stand_in_uid, uid
from storage.incoming import Incoming
from storage.records import InstanceRecord, Layout, encode_layout, encode_metadata

_SOP_CLASS: Final = "00080016"
_SOP_INSTANCE: Final = "00080018"
_STUDY: Final = "0020000D"
_SERIES: Final = "0020000E"
_MODALITY: Final = "00080060"
_INSTANCE_NUMBER: Final = "00200013"
# Most metadata are read once or never: speed counts more than the last tenth of size.

# How many senders and kinds of instances are remembered at a time.
_MOST_KINDS: Final = 64

DataSet = dict[str, Any]


class _Names(NamedTuple):
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str


class _Previous(NamedTuple):
    """What an instance leaves for the next of its kind."""

    predecessor: Predecessor
    entry: Entry


class Examiner:
    """Reads instances; of each sender and kind it remembers the last, for what the next one repeats.

    Safe to use from any thread.
    """

    def __init__(self) -> None:
        # None for what had no second one yet, or is nothing to compare with.
        self._previous: dict[tuple[str, str, str], _Previous | None] = {}

    def examine(self, incoming: Incoming, source: str, study_instance_uid: str = "") -> Entry:
        """The index entry of what has arrived, with the blob key under which it is to be kept.

        Raises `CannotUnderstand`, `MalformedIdentifier`, or `DataSetMismatch` when the data set is not the one that the
        command announced or does not belong to the study that the sender stated.
        """
        meta, start = _beginning(incoming)
        kind = (source, meta.sop_class_uid, meta.transfer_syntax_uid)
        previous = self._previous.get(kind)
        read = previous and previous.predecessor.successor(
            incoming.head, incoming.size, start, meta, whole=incoming.map
        )
        reading, predecessor = read or _plainly(incoming, remember=kind in self._previous)
        names = _names(reading.json, incoming.meta or reading.meta)
        try:
            _check(names, incoming.meta, study_instance_uid)
            data_set = _named(reading.json, names)
            record = _record(incoming, reading, data_set, names)
        except Refusal as refusal:
            refusal.sop_class_uid, refusal.sop_instance_uid = names.sop_class_uid, names.sop_instance_uid
            raise
        entry = _entry(record, reading, data_set, source, previous.entry if previous else None)
        if len(self._previous) >= _MOST_KINDS:
            self._previous.clear()
        self._previous[kind] = _Previous(predecessor, entry) if predecessor else None
        return entry


def _beginning(incoming: Incoming) -> tuple[FileMeta, int]:
    """What the command or the file meta information says, and where the data set begins; 0 where that is not clear."""
    if incoming.meta:
        return incoming.meta, incoming.data_set_offset
    try:
        return part10.beginning(incoming.head)
    except CannotUnderstand:
        return FileMeta("", "", ""), 0


def _plainly(incoming: Incoming, *, remember: bool) -> tuple[Reading, Predecessor | None]:
    """Read every element of the file; what is the only one of its kind is not worth remembering."""
    with incoming.open() as file:
        found = part10.read(file)
    reading = plain(found)
    return reading, Predecessor.of(incoming.head, found, reading) if remember else None


def _names(data_set: DataSet, meta: FileMeta) -> _Names:
    """The UIDs of the data set; where it has none, those of command or file meta, or stand-ins for the parents."""
    sop_class = text(data_set, _SOP_CLASS) or meta.sop_class_uid
    sop_instance = text(data_set, _SOP_INSTANCE) or meta.sop_instance_uid
    if not sop_class or not sop_instance:
        raise CannotUnderstand("The data set names no SOP Class or no SOP Instance.")
    sop_instance = uid(sop_instance, "SOP Instance UID")
    study = text(data_set, _STUDY) or stand_in_uid("study", sop_instance)
    series = text(data_set, _SERIES) or stand_in_uid("series", sop_instance)
    return _Names(
        _repeated_uid(sop_class, "SOP Class UID"),
        sop_instance,
        _repeated_uid(study, "Study Instance UID"),
        _repeated_uid(series, "Series Instance UID"),
    )


# Most instances name the same class, study, series and transfer syntax as many before them.
_repeated_uid: Final = lru_cache(maxsize=1024)(uid)


def _check(names: _Names, announced: FileMeta | None, study_instance_uid: str) -> None:
    if announced and announced.sop_class_uid.rstrip("\0 ") not in ("", names.sop_class_uid):
        raise DataSetMismatch("The SOP Class UID of the data set is not the one of the command.")
    if announced and announced.sop_instance_uid.rstrip("\0 ") not in ("", names.sop_instance_uid):
        raise DataSetMismatch("The SOP Instance UID of the data set is not the one of the command.")
    if study_instance_uid not in ("", names.study_instance_uid):
        raise DataSetMismatch("The instance belongs to another study than the request.")


def _named(data_set: DataSet, names: _Names) -> DataSet:
    """`data_set` with the names under which it is kept, where it does not bear them itself."""
    given = {
        _SOP_CLASS: names.sop_class_uid,
        _SOP_INSTANCE: names.sop_instance_uid,
        _STUDY: names.study_instance_uid,
        _SERIES: names.series_instance_uid,
    }
    missing = {
        tag: {"vr": "UI", "Value": [name]}
        for tag, name in given.items()
        if (data_set.get(tag) or {}).get("Value") != [name]
    }
    return dict(sorted({**data_set, **missing}.items())) if missing else data_set


def _record(incoming: Incoming, reading: Reading, data_set: DataSet, names: _Names) -> InstanceRecord:
    digest, image = incoming.digest_from(reading.data_set_offset), reading.image
    return InstanceRecord(
        study_instance_uid=names.study_instance_uid,
        series_instance_uid=names.series_instance_uid,
        sop_instance_uid=names.sop_instance_uid,
        sop_class_uid=names.sop_class_uid,
        transfer_syntax_uid=_repeated_uid(reading.meta.transfer_syntax_uid, "Transfer Syntax UID"),
        blob_key=blob_key(names.study_instance_uid, digest, incoming.nonce),
        size=incoming.size,
        data_set_offset=reading.data_set_offset,
        digest=digest,
        modality=text(data_set, _MODALITY),
        instance_number=comparable.number(text(data_set, _INSTANCE_NUMBER)),
        number_of_frames=image.number_of_frames,
        image_rows=image.rows,
        image_columns=image.columns,
        bits_allocated=image.bits_allocated,
    )


def _entry(record: InstanceRecord, reading: Reading, data_set: DataSet, source: str, before: Entry | None) -> Entry:
    if before is not None and not _is_of_series(record, before.record):
        before = None
    return Entry(
        record,
        level_values(Level.STUDY, data_set, before.study if before else None, reading.changed),
        level_values(Level.SERIES, data_set, before.series if before else None, reading.changed),
        level_values(Level.INSTANCE, data_set),
        encode_metadata(data_set),
        encode_layout(Layout(reading.image.frames, reading.bulk_data, reading.in_file)),
        source,
    )


def _is_of_series(record: InstanceRecord, before: InstanceRecord) -> bool:
    """Whether the names are the same: where a data set has none, stand-ins make the difference."""
    same = record.series_instance_uid == before.series_instance_uid
    return same and record.study_instance_uid == before.study_instance_uid
