"""Earlier examinations from other people's archives, DCMTK's dcmqrscp and Orthanc, into a gateway of ours."""

from pathlib import Path
from typing import Any

import pytest

from dimse.scu.storage import StorageScu
from dimse.services.dispatch import Services
from dimse.settings import Peer
from gateway.archive.service import archive_of, retrievals_of, retrieving_of
from gateway.config import Config
from gateway.house import build
from gateway.listening import reserve
from gateway.seats import Place
from gateway.sections import ArchiveConfig, DimseConfig, PeerConfig
from storage.scope import PatientIdentity, WholeArchive
from tests.dimse.node import running
from tests.support.gateway import free_port
from tests.support.synthetic import ct, part10
from tests.wire.scu import CALLER, keep, opened
from tests.wire.test_scu_retrieval import ARCHIVES

PATIENT = PatientIdentity("WIRE-1", "", "19500131")


@pytest.mark.parametrize(("kind", "way"), [("dcmqrscp", "get"), ("orthanc", "move")])
def test_a_study_is_listed_and_fetched(kind: str, way: str, tmp_path: Path) -> None:
    port = free_port()
    uids: dict[str, Any] = {"StudyInstanceUID": "1.2.77", "SeriesInstanceUID": "1.2.77.1", "PatientID": "WIRE-1"}
    with ARCHIVES[kind](tmp_path, Peer("DURCHBLICK", "127.0.0.1", port)) as node, opened(tmp_path / "kept") as kept:
        images = [ct(number=number, AccessionNumber="WA1", **uids) for number in (1, 2, 3)]
        records = keep(kept, *map(part10, [*images, ct(PatientID="WIRE-2")]))
        assert [one.status for one in StorageScu(kept, CALLER, node.peer).send(records)] == [0] * 4
        peer = PeerConfig(ae_title=node.peer.ae_title, host="127.0.0.1", port=node.peer.port)
        archive = ArchiveConfig(ae_title=node.peer.ae_title, retrieve=way)  # type: ignore[arg-type]
        config = Config(base=tmp_path, dimse=DimseConfig(port=port, peers=(peer,)), archive=archive)
        house = build(config)
        place = Place(sockets={"dimse": reserve("127.0.0.1", port, "dimse")})
        with running(None, services=Services(house.storage), place=place):
            asked = archive_of(house)
            assert asked is not None
            (listed,) = asked.studies_of(PATIENT)
            # dcmqrscp tells neither modalities nor numbers.
            told = (("CT",), 3) if kind == "orthanc" else ((), None)
            assert (listed.uid, listed.modalities, listed.instances) == ("1.2.77", *told)
            assert [one.uid for one in asked.studies_by_accession("WA1")] == ["1.2.77"]
            retrievals_of(house).want("", asked.ae_title, "1.2.9", asked.studies(["1.2.77"]))
            (worker,) = retrieving_of(house)
            assert worker.work_off() == 1
        assert house.storage.index.counts(WholeArchive()).instances == 3
        (done,) = retrievals_of(house).of_studies("", ["1.2.9"])
        assert (done.state, done.received, done.trouble) == ("done", 3, None)
        house.close()
