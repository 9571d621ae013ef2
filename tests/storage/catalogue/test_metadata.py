import gzip
import json
from typing import Any

import pytest

from storage.errors import NoSuchInstance, OutOfResources
from storage.scope import PatientIdentity
from tests.storage.asking import ALL_SCOPES, ROOT, array, study_of
from tests.support.keeping import EVERYTHING, Keeping
from tests.support.synthetic import ct

NOBODY = PatientIdentity("TEST-9", "", "19500131")


def test_metadata_are_the_data_sets_with_addresses_of_their_bulk_data(keeping: Keeping) -> None:
    stored = study_of(keeping, series=2)
    one = stored[0]
    address = (one.study_instance_uid, one.series_instance_uid, one.sop_instance_uid)
    (single,) = array(keeping.index.metadata(EVERYTHING, *address, bulk_data_root=ROOT))
    uri = "{}/studies/{}/series/{}/instances/{}/bulkdata/7FE00010".format(ROOT, *address)
    assert single["7FE00010"] == {"vr": "OW", "BulkDataURI": uri}
    of_series = array(keeping.index.metadata(EVERYTHING, *address[:2], bulk_data_root=ROOT))
    assert of_series[0] == single
    assert [one["00200013"]["Value"] for one in of_series] == [[1], [2], [3]]
    of_study = array(keeping.index.metadata(EVERYTHING, address[0], bulk_data_root=ROOT))
    assert [one["00080018"]["Value"][0] for one in of_study] == [one.sop_instance_uid for one in stored]


def test_one_by_one_they_are_the_same(keeping: Keeping) -> None:
    """In the scope of a patient too, who does not see what is held."""
    first, *_ = study_of(keeping, series=2)
    held: dict[str, Any] = {
        "StudyInstanceUID": first.study_instance_uid,
        "SeriesInstanceUID": first.series_instance_uid,
    }
    keeping.put(ct(PatientID="TEST-2", **held))
    address = (first.study_instance_uid, first.series_instance_uid, first.sop_instance_uid)
    for scope in ALL_SCOPES:
        for named in (address[:1], address[:2], address):
            each = keeping.index.data_sets(scope, *named, bulk_data_root=ROOT)
            whole = array(keeping.index.metadata(scope, *named, bulk_data_root=ROOT))
            assert [json.loads(one) for one in each] == whole
    with pytest.raises(NoSuchInstance):
        next(keeping.index.data_sets(NOBODY, *address, bulk_data_root=ROOT))


def test_a_series_is_made_once_and_again_when_it_changes(keeping: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = study_of(keeping)
    study, series = stored[0].study_instance_uid, stored[0].series_instance_uid
    made: list[int] = []
    real = gzip.compress

    def counting(data: bytes, *arguments: Any, **options: Any) -> bytes:
        made.append(len(data))
        return real(data, *arguments, **options)

    monkeypatch.setattr(gzip, "compress", counting)

    def metadata(root: str = ROOT) -> Any:
        return keeping.index.metadata(EVERYTHING, study, series, bulk_data_root=root)

    first = metadata()
    assert metadata() == first
    assert len(made) == 1
    keeping.put(ct(number=4, StudyInstanceUID=study, SeriesInstanceUID=series))
    second = metadata()
    assert len(array(second)) == 4
    assert second.etag != first.etag
    assert len(made) == 2
    assert b"https://other" in gzip.decompress(metadata("https://other").gzipped)


def test_metadata_are_served_when_nothing_can_be_written(keeping: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = keeping.put(ct())

    def full(*_: object) -> None:
        raise OutOfResources("full")

    monkeypatch.setattr(keeping.database, "write", full)
    metadata = keeping.index.metadata(
        EVERYTHING, stored.study_instance_uid, stored.series_instance_uid, bulk_data_root=ROOT
    )
    assert len(array(metadata)) == 1


def test_texts_that_look_like_addresses_stay_as_they_are(keeping: Keeping) -> None:
    trap = '"BulkDataURI":"bulkdata:'
    stored = keeping.put(ct(ImageComments=trap))
    (metadata,) = array(keeping.index.metadata(EVERYTHING, stored.study_instance_uid, bulk_data_root=ROOT + '"\\'))
    assert metadata["00204000"]["Value"] == [trap]
    assert metadata["7FE00010"]["BulkDataURI"].startswith(ROOT + '"\\/studies/')
