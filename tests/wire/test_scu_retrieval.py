"""Our C-ECHO, C-FIND, C-MOVE and C-GET against other people's archives: DCMTK's dcmqrscp and Orthanc."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from dimse.scu import query, retrieve
from dimse.scu.outgoing import NATIVE
from dimse.scu.query import STUDY_ROOT_FIND, OperationRefused, find
from dimse.scu.retrieve import STUDY_ROOT_GET, STUDY_ROOT_MOVE, get, move, receiving, storage_proposals
from dimse.scu.storage import StorageScu
from dimse.scu.verification import PROPOSAL, echo
from dimse.services.storage import StorageService
from dimse.settings import Peer
from storage.records import InstanceRecord
from storage.scope import WholeArchive
from storage.storage import Storage
from tests.support.gateway import free_port
from tests.support.nodes import RunningNode, dcmqrscp, orthanc
from tests.support.synthetic import ct, part10
from tests.wire.scu import CALLER, keep, opened
from tests.wire.test_scu_storage import Receiver

Archive = Callable[[Path, Peer], AbstractContextManager[RunningNode]]

ARCHIVES: dict[str, Archive] = {
    "dcmqrscp": lambda folder, calls: dcmqrscp(folder, calls),
    "orthanc": lambda folder, calls: orthanc(folder, modalities=(calls,)),
}
STUDY = "0020000D"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Storage, list[InstanceRecord]]]:
    """A store with a study of three images, one of them Implicit VR, and another study."""
    with opened(tmp_path_factory.mktemp("kept") / "store") as storage:
        first = ct(PatientName="Müller^Jörg", PatientID="WIRE-1")
        same = {"StudyInstanceUID": first.StudyInstanceUID, "SeriesInstanceUID": first.SeriesInstanceUID}
        images = [first, *(ct(number=n, PatientName="Müller^Jörg", PatientID="WIRE-1", **same) for n in (2, 3))]
        contents = [part10(images[0]), part10(images[1]), part10(images[2], "1.2.840.10008.1.2")]
        yield storage, keep(storage, *contents, part10(ct(PatientID="WIRE-2")))


@pytest.fixture(scope="module", params=ARCHIVES)
def archive(
    request: pytest.FixtureRequest,
    kept: tuple[Storage, list[InstanceRecord]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[RunningNode, Peer]]:
    """An archive with these studies, and the peer that it may send to."""
    storage, records = kept
    destination = Peer("RECEIVER", "127.0.0.1", free_port())
    with ARCHIVES[request.param](tmp_path_factory.mktemp("archive"), destination) as node:
        assert [one.status for one in StorageScu(storage, CALLER, node.peer).send(records)] == [0] * 4
        yield node, destination


def study_key(records: list[InstanceRecord]) -> dict[str, Any]:
    return {
        "00080052": {"vr": "CS", "Value": ["STUDY"]},
        STUDY: {"vr": "UI", "Value": [records[0].study_instance_uid]},
    }


def test_echo(archive: tuple[RunningNode, Peer]) -> None:
    with CALLER.associate(archive[0].peer, [PROPOSAL]) as requestor:
        assert [echo(requestor) for _ in range(3)] == [0, 0, 0]


def test_find(archive: tuple[RunningNode, Peer], kept: tuple[Storage, list[InstanceRecord]]) -> None:
    storage, records = kept
    keys = {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00080052": {"vr": "CS", "Value": ["STUDY"]},
        "00100010": {"vr": "PN"},
        "00100020": {"vr": "LO", "Value": ["WIRE-1"]},
        STUDY: {"vr": "UI"},
    }
    with CALLER.associate(archive[0].peer, [query.proposal(STUDY_ROOT_FIND)]) as requestor:
        (match,) = list(find(requestor, keys))
        assert match[STUDY]["Value"] == [records[0].study_instance_uid]
        assert match["00100010"]["Value"][0]["Alphabetic"] == "Müller^Jörg"
        everything = list(find(requestor, keys | {"00100020": {"vr": "LO", "Value": ["WIRE-*"]}}))
        assert {one[STUDY]["Value"][0] for one in everything} == {record.study_instance_uid for record in records}


def test_a_query_can_be_given_up(archive: tuple[RunningNode, Peer], kept: tuple[Storage, list[InstanceRecord]]) -> None:
    keys: dict[str, Any] = {"00080052": {"vr": "CS", "Value": ["STUDY"]}, STUDY: {"vr": "UI"}}
    with CALLER.associate(archive[0].peer, [query.proposal(STUDY_ROOT_FIND), PROPOSAL]) as requestor:
        matches = find(requestor, keys)
        next(matches)
        matches.close()  # type: ignore[attr-defined]
        assert echo(requestor) == 0


def test_get(archive: tuple[RunningNode, Peer], kept: tuple[Storage, list[InstanceRecord]], tmp_path: Path) -> None:
    _, records = kept
    peer = archive[0].peer
    proposals = [query.proposal(STUDY_ROOT_GET), *storage_proposals([records[0].sop_class_uid])]
    with opened(tmp_path / "fetched") as fetched, ThreadPoolExecutor(1) as threads:
        service = StorageService(fetched.ingest, threads)
        with CALLER.associate(peer, proposals, receiving(service, peer)) as requestor:
            assert all(
                not one.peer_is_scp for one in requestor.contexts.values() if one.abstract_syntax != STUDY_ROOT_GET
            )
            *_, last = get(requestor, study_key(records))
        assert (last.status, last.completed, last.failed) == (0, 3, 0)
        got = fetched.index.instances(WholeArchive(), records[0].study_instance_uid)
        assert {one.sop_instance_uid for one in got} == {one.sop_instance_uid for one in records[:3]}


def test_move(archive: tuple[RunningNode, Peer], kept: tuple[Storage, list[InstanceRecord]]) -> None:
    _, records = kept
    node, destination = archive
    receiver = Receiver(contexts=[(records[0].sop_class_uid, syntax) for syntax in NATIVE])
    receiver.peer = destination
    with receiver, CALLER.associate(node.peer, [query.proposal(STUDY_ROOT_MOVE)]) as requestor:
        *_, last = move(requestor, study_key(records), destination.ae_title)
    assert (last.status, last.failed) == (0, 0)
    assert {str(one.AffectedSOPInstanceUID) for one in receiver.requests} == {
        one.sop_instance_uid for one in records[:3]
    }


def test_an_unknown_destination_is_refused(
    archive: tuple[RunningNode, Peer], kept: tuple[Storage, list[InstanceRecord]]
) -> None:
    with CALLER.associate(archive[0].peer, [query.proposal(STUDY_ROOT_MOVE)]) as requestor:
        with pytest.raises(OperationRefused, match="C-MOVE was answered with") as refused:
            list(move(requestor, study_key(kept[1]), "NOWHERE"))
        assert refused.value.status >> 12 in (0xA, 0xC)


def test_what_is_not_accepted_is_not_asked(archive: tuple[RunningNode, Peer]) -> None:
    with (
        CALLER.associate(archive[0].peer, [PROPOSAL]) as requestor,
        pytest.raises(OperationRefused, match="accepts no queries"),
    ):
        list(find(requestor, {}))
    assert len(storage_proposals([f"1.2.{number}" for number in range(100)])) == 127
    assert retrieve.storage_proposals(["1.2.3"], ())[0].as_scp
