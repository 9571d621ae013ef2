"""An instance that is sent again because what is kept of it is damaged."""

import pytest

from storage.errors import OutOfResources
from storage.verify import intact
from tests.storage.test_ingest import c_store, data_set_of
from tests.support.keeping import EVERYTHING, Keeping
from tests.support.synthetic import ct, part10


@pytest.mark.parametrize("harm", ["missing", "cut", "flipped"])
def test_sending_again_mends_what_is_damaged(keeping: Keeping, harm: str) -> None:
    image = ct()
    keeping.put(image)
    (blob,) = keeping.blobs()
    whole = blob.read_bytes()
    if harm == "missing":
        blob.unlink()
    else:
        blob.write_bytes(whole[:-7] if harm == "cut" else whole[:-7] + b"damaged")
    # By C-STORE the header before the data set is another one, so that everything in the file moves.
    again = c_store(keeping, image)
    assert not again.new
    assert data_set_of(keeping.bytes_of(again)) == data_set_of(part10(image))
    assert len(keeping.blobs()) == 1 and keeping.arriving() == []
    assert ("damaged blob replaced", image.SOPInstanceUID) in keeping.audited()
    record = keeping.index.instance(
        EVERYTHING, again.study_instance_uid, again.series_instance_uid, again.sop_instance_uid
    )
    frames = keeping.index.layout(record).frames
    assert frames is not None
    ((offset, length),) = frames.ranges(1)
    assert keeping.files.read(record.blob_key, offset, length) == image.PixelData
    assert intact(keeping.files, record)


def test_an_instance_that_is_deleted_while_it_comes_again_is_not_acknowledged(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = ct()
    keeping.put(image)

    def gone(*_: object) -> bool:
        keeping.database.write(lambda connection: connection.execute("DELETE FROM instance"))
        return False

    monkeypatch.setattr("storage.ingest.intact", gone)
    before = keeping.blobs()
    with pytest.raises(OutOfResources):
        keeping.put(image)
    assert (keeping.blobs(), keeping.arriving()) == (before, [])
