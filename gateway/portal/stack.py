"""A series as one row of images, frames of multi-frame instances included."""

from dicomweb.media_types import is_video
from gateway.portal.studies import Picture, middle, picture
from storage.records import InstanceRecord


class Stack:
    """The images of a series, instance by instance in `records`.

    `position` is the number of the one in sight, from 1 (0 when there is none).
    """

    def __init__(self, records: list[InstanceRecord]) -> None:
        self.records = [
            record for record in records if record.number_of_frames and not is_video(record.transfer_syntax_uid)
        ]
        self.total = sum(record.number_of_frames for record in self.records)
        self.position = min(middle(self.total), self.total)

    def go_to(self, wanted: str) -> None:
        """To the image of this number, or the nearest there is; what is no number is passed over."""
        if wanted.isascii() and wanted.isdigit():
            self.position = min(max(int(wanted[:9]), 1), self.total)

    def go_to_instance(self, sop_instance_uid: str, frame: str) -> None:
        """To a frame (from 1) of that instance; what is not there is passed over."""
        before = 0
        for record in self.records:
            if record.sop_instance_uid == sop_instance_uid:
                number = int(frame[:9]) if frame.isascii() and frame.isdigit() else 1
                self.position = before + min(max(number, 1), record.number_of_frames)
            before += record.number_of_frames

    def picture(self, root: str) -> Picture:
        """The rendered image in sight; `root` is where DICOMweb is mounted. There must be one."""
        before = 0
        for record in self.records:
            if self.position <= before + record.number_of_frames:
                break
            before += record.number_of_frames
        return picture(root, record, self.position - before)

    def listed(self) -> str:
        """The instances in their order, as the viewer's script reads them: "UID UID UID:frames"."""
        return " ".join(
            record.sop_instance_uid + (f":{record.number_of_frames}" if record.number_of_frames > 1 else "")
            for record in self.records
        )
