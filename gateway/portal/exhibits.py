"""What of a series is no image to leaf through: videos, documents, reports, curves, selections of images."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from dicomweb.media_types import is_video
from dicomweb.rendered.encapsulated import document, video_type
from dicomweb.rendered.rendered_media import ENCAPSULATIONS, Category, category
from dicomweb.rendered.report_items import content, text
from gateway.pages.texts import Texts
from gateway.pages.wording import day, passage, person, plain
from gateway.portal.curves import LONGEST, Curve, curves
from gateway.portal.metadata import data_set_of
from gateway.portal.references import References
from storage.data_set.json_values import items
from storage.errors import CannotUnderstand, NotRenderable
from storage.records import InstanceRecord
from storage.scope import StudyScope
from storage.storage import Storage
from storage.waveforms import Waveform, waveforms

KEY_OBJECT_SELECTION: Final = "1.2.840.10008.5.1.4.1.1.88.59"
_WAVEFORMS: Final = "1.2.840.10008.5.1.4.1.1.9."
_PDF: Final = "application/pdf"
_MOST: Final = 50
_MOST_ITEMS: Final = 5000
_VERIFIERS: Final = ("0040A073", "0040A075", "0040A030")
_FLAGS: Final = {
    ("0040A491", "COMPLETE"): "kinds.report_complete",
    ("0040A491", "PARTIAL"): "kinds.report_partial",
    ("0040A493", "VERIFIED"): "kinds.report_verified",
    ("0040A493", "UNVERIFIED"): "kinds.report_unverified",
}


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One of them; `kind` names the macro of exhibits.html that shows it, `file` the DICOM instance to save."""

    kind: str
    file: str
    values: Mapping[str, Any]


class Exhibits:
    """Finds them in the words of one language, as far as `scope` shows them; `root` is where DICOMweb is mounted."""

    def __init__(self, storage: Storage, references: References, words: Texts, scope: StudyScope, root: str) -> None:
        self._storage = storage
        self._references = references
        self._words = words
        self._scope = scope
        self._root = root

    def of(self, records: list[InstanceRecord]) -> list[Exhibit]:
        """Those among `records`, in their order."""
        found = [record for record in records if category(record) is not Category.IMAGE]
        return [self._exhibit(record) for record in found[:_MOST]]

    def _exhibit(self, record: InstanceRecord) -> Exhibit:
        kind, values = "other", dict[str, Any]()
        try:
            kind, values = self._content(record)
        except (NotRenderable, CannotUnderstand):
            kind = "unreadable"
        return Exhibit(kind, self._file(record), values)

    def _content(self, record: InstanceRecord) -> tuple[str, dict[str, Any]]:
        if record.sop_class_uid == KEY_OBJECT_SELECTION:
            return "key_images", self._key_images(record)
        if record.sop_class_uid.startswith(_WAVEFORMS):
            return self._curves(record)
        match category(record):
            case Category.VIDEO:
                return self._video(record)
            case Category.ENCAPSULATED:
                return self._document(record)
            case Category.REPORT:
                return "report", self._report(record)
            case Category.PRESENTATION_STATE:
                return "marked", {"remarks": [], "shown": self._references.marked(self._scope, record)}
        what = self._words.either(f"object.{record.modality}", "object.other")
        return "other", {"what": what}

    def _video(self, record: InstanceRecord) -> tuple[str, dict[str, Any]]:
        kept_as = video_type(self._storage.files, record, self._storage.index.layout(record))
        if not is_video(record.transfer_syntax_uid) or not kept_as:
            return "unreadable", {}
        return "video", {"url": f"{self._path(self._root, record)}/rendered", "media_type": kept_as}

    def _document(self, record: InstanceRecord) -> tuple[str, dict[str, Any]]:
        document(self._storage.files, record)
        said = data_set_of(self._storage, self._scope, record)
        title = plain(text(said, "00420010"))
        media_type = ENCAPSULATIONS[record.sop_class_uid].media_type
        rendered = f"{self._path(self._root, record)}/rendered"
        if media_type != _PDF:
            return "document", {"title": title, "url": rendered}
        url = f"/studies/{record.study_instance_uid}/series/{record.series_instance_uid}/documents"
        return "pdf", {"title": title, "url": f"{url}/{record.sop_instance_uid}", "save": rendered}

    def _report(self, record: InstanceRecord) -> dict[str, Any]:
        report = data_set_of(self._storage, self._scope, record)
        tree = content(report)
        title = plain(next(tree).name) or self._words("object_name.SR")
        said = [self._item(item) for item, _ in zip(tree, range(_MOST_ITEMS), strict=False)]
        return {"title": title, "facts": list(self._facts(report)), "items": said}

    def _item(self, item: Any) -> dict[str, Any]:
        url = self._references.viewer_url(self._scope, item.reference) if item.reference else ""
        return {
            "level": min(item.depth, 5),
            "is_heading": item.is_container,
            "name": plain(item.name),
            "text": passage(item.text),
            "url": url,
        }

    def _facts(self, report: dict[str, Any]) -> Iterator[str]:
        yield day(self._words, text(report, "00080023") or text(report, "00080020"))
        for (tag, value), key in _FLAGS.items():
            if text(report, tag) == value:
                yield self._words(key)
        sequence, name, time = _VERIFIERS
        for verifier in items(report, sequence):
            if who := person(text(verifier, name)):
                yield self._words("kinds.verified_by", name=who, date=day(self._words, text(verifier, time)[:8]))

    def _curves(self, record: InstanceRecord) -> tuple[str, dict[str, Any]]:
        with self._storage.files.open(record.blob_key) as file:
            found = waveforms(file)
        groups = [self._group(one) for one in found]
        title = self._words.either(f"modality.{record.modality}", "kinds.curves")
        return ("curves", {"groups": groups, "title": title}) if any(groups) else ("unreadable", {})

    def _group(self, waveform: Waveform) -> dict[str, Any]:
        drawn = [self._curve(curve, waveform.seconds) for curve in curves(waveform)]
        hint = self._words("kinds.curves_of", n=len(drawn), seconds=self._figure(waveform.seconds, 1))
        if waveform.seconds > LONGEST:
            hint += " " + self._words("kinds.curves_cut", seconds=round(LONGEST))
        return {"hint": hint, "curves": drawn} if drawn else {}

    def _curve(self, curve: Curve, seconds: float) -> dict[str, Any]:
        name = plain(curve.name)
        unit = plain(curve.unit)
        low, high = self._figure(curve.low, 2), self._figure(curve.high, 2)
        span = self._figure(seconds, 1)
        alt = self._words("kinds.curve_alt", name=name, seconds=span, low=low, high=high, unit=unit)
        scale = self._words("kinds.curve_scale", n=self._figure(curve.scale, 3), unit=unit) if unit != "mV" else ""
        return {"name": name, "alt": alt, "scale": scale, "drawn": curve}

    def _figure(self, number: float, digits: int) -> str:
        written = f"{number:.{digits}f}".rstrip("0").rstrip(".")
        return written.replace(".", self._words("kinds.decimal_point")).replace("-", "\u2212")

    def _key_images(self, record: InstanceRecord) -> dict[str, Any]:
        selection = data_set_of(self._storage, self._scope, record)
        remarks = [passage(item.text) for item in content(selection) if item.text]
        return {"remarks": remarks[:20], "shown": self._references.key_images(self._scope, record)}

    def _file(self, record: InstanceRecord) -> str:
        uids = (record.study_instance_uid, record.series_instance_uid, record.sop_instance_uid)
        query = dict(zip(("studyUID", "seriesUID", "objectUID"), uids, strict=True))
        return f"{self._root}/wado?{urlencode({'requestType': 'WADO', **query, 'contentType': 'application/dicom'})}"

    @staticmethod
    def _path(root: str, record: InstanceRecord) -> str:
        return (
            f"{root}/studies/{record.study_instance_uid}/series/{record.series_instance_uid}"
            f"/instances/{record.sop_instance_uid}"
        )
