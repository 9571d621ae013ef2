"""The data set of one instance, for pages that tell what it says."""

import gzip
from typing import Any

import orjson

from storage.records import InstanceRecord
from storage.scope import StudyScope
from storage.storage import Storage


def data_set_of(storage: Storage, scope: StudyScope, record: InstanceRecord) -> dict[str, Any]:
    """As DICOM JSON (PS3.18 F.2), its text in Unicode whatever it was written in. Raises `NoSuchInstance`."""
    uids = (record.study_instance_uid, record.series_instance_uid, record.sop_instance_uid)
    found = storage.index.metadata(scope, *uids, bulk_data_root="")
    (data_set,) = orjson.loads(gzip.decompress(found.gzipped))
    return dict(data_set)
