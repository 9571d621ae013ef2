"""A series as one row of images, frames of multi-frame instances included."""

from typing import Final

from gateway.portal.studies import Picture, middle, picture
from storage.records import InstanceRecord

# Transfer syntaxes whose pixel data is one stream of video (PS3.5 A.4.5 to A.4.11).
_VIDEO: Final = tuple(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109))


class Stack:
    """The images of a series; `position` is the number of the one in sight, from 1 (0 when there is none)."""

    def __init__(self, records: list[InstanceRecord]) -> None:
        self._records = [record for record in records if record.number_of_frames and not _is_video(record)]
        self.has_video = any(_is_video(record) for record in records)
        self.total = sum(record.number_of_frames for record in self._records)
        self.position = middle(self.total)

    def go_to(self, wanted: str) -> None:
        """To the image of this number, or the nearest there is; what is no number is passed over."""
        if wanted.isascii() and wanted.isdigit():
            self.position = min(max(int(wanted[:9]), 1), self.total)

    def picture(self, root: str) -> Picture:
        """The rendered image in sight; `root` is where DICOMweb is mounted. There must be one."""
        before = 0
        for record in self._records:
            if self.position <= before + record.number_of_frames:
                break
            before += record.number_of_frames
        return picture(root, record, self.position - before)

    def listed(self) -> str:
        """The instances in their order, as the viewer's script reads them: "UID UID UID:frames"."""
        return " ".join(
            record.sop_instance_uid + (f":{record.number_of_frames}" if record.number_of_frames > 1 else "")
            for record in self._records
        )


def _is_video(record: InstanceRecord) -> bool:
    return record.transfer_syntax_uid.startswith(_VIDEO)
