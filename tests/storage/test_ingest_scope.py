"""Who may add to which study."""

import pytest
from pydicom.dataset import Dataset

from storage.errors import NotAuthorised
from storage.ingest import Stored
from storage.scope import ListedStudies, PatientIdentity, StudyScope
from tests.support.keeping import Keeping
from tests.support.synthetic import ct, part10


def test_only_studies_that_the_scope_lists_are_added_to(keeping: Keeping) -> None:
    mine, foreign = ct(), ct()
    scope = ListedStudies(frozenset({mine.StudyInstanceUID}))

    def store(data_set: Dataset, scope: StudyScope) -> Stored:
        incoming = keeping.ingest.receive()
        incoming.write(part10(data_set))
        return keeping.ingest.store(incoming, source="test", scope=scope)

    assert store(mine, scope).new
    for refused in (scope, ListedStudies(frozenset()), PatientIdentity("TEST-1", "", "19500131")):
        with pytest.raises(NotAuthorised) as refusal:
            store(foreign, refused)
        assert refusal.value.sop_instance_uid == foreign.SOPInstanceUID
    keeping.put(foreign)
    foreign.PatientID = "OTHER"
    with pytest.raises(NotAuthorised):
        store(foreign, scope)
    assert ("duplicate refused", foreign.SOPInstanceUID) not in keeping.audited(), "nobody learns what else is kept"
    assert len(keeping.blobs()) == 2 and keeping.arriving() == []
