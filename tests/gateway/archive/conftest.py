"""Our house, and an archive elsewhere that it asks over the network."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dimse.services.dispatch import Services
from dimse.settings import DimseSettings, Peer
from gateway.config import Config
from gateway.house import House, build
from gateway.listening import reserve
from gateway.seats import Place
from gateway.sections import ArchiveConfig, DimseConfig, PeerConfig
from storage.deletion import Target
from storage.ingest import Stored
from storage.scope import WholeArchive
from storage.storage import Storage
from tests.dimse.node import running
from tests.support.gateway import free_port
from tests.support.synthetic import ct, part10


@dataclass
class Hospital:
    """Our house, and an archive elsewhere that has three images of the patient and a stranger's."""

    house: House
    pacs: Storage
    stored: list[Stored]
    port: int
    """Where the archive listens."""

    def have_here(self, *numbers: int, study: str = "") -> None:
        """Let these of the images of a study, the first one where none is named, come from the archive."""
        for number in numbers:
            record = self.pacs.index.instances(WholeArchive(), study or self.study)[number]
            incoming = self.house.storage.ingest.receive()
            incoming.write(self.pacs.files.path(record.blob_key).read_bytes())
            self.house.storage.ingest.store(incoming, source="PACS1@127.0.0.1")

    @property
    def study(self) -> str:
        return self.stored[0].study_instance_uid

    def here(self) -> int:
        return self.house.storage.index.counts(WholeArchive()).instances

    def have_there(self, study: str) -> str:
        """Let the archive have a further study of the patient, of one image."""
        return _put(self.pacs, StudyInstanceUID=study, SeriesInstanceUID=f"{study}.1").study_instance_uid

    def delete(self, study: str = "") -> None:
        self.house.storage.deletion.delete(WholeArchive(), Target(study or self.study), source="test")


def _put(storage: Storage, number: int = 1, **attributes: str) -> Stored:
    incoming = storage.ingest.receive()
    incoming.write(part10(ct(number=number, **attributes)))  # type: ignore[arg-type]
    return storage.ingest.store(incoming, source="modality")


@contextmanager
def hospital(folder: Path, way: str, *, deaf: bool = False, **sections: Any) -> Iterator[Hospital]:
    """`deaf`: what the archive wants to send us is taken, and never answered. `sections`: of our configuration."""
    with ExitStack() as stack:
        pacs = Storage.open(folder / "pacs")
        stack.callback(pacs.close)
        places = {"StudyInstanceUID": "1.2.826.7", "SeriesInstanceUID": "1.2.826.7.1"}
        stored = [_put(pacs, number, **places) for number in (1, 2, 3)]
        _put(pacs, PatientID="TEST-2")
        _put(pacs, PatientID="TEST-1", PatientBirthDate="19600101")
        port = free_port()
        config = Config(
            base=folder,
            dimse=DimseConfig(port=port, peers=(PeerConfig(ae_title="PACS1", host="127.0.0.1", port=1),)),
            archive=ArchiveConfig(ae_title="PACS1", retrieve=way),  # type: ignore[arg-type]
            **sections,
        )
        us = Peer("DURCHBLICK", "127.0.0.1", port)
        settings = DimseSettings(ae_title="PACS1", accept_unknown_peers=True, peers=(us,))
        archive = stack.enter_context(running(None, services=Services(pacs, settings), ae_title="PACS1"))
        peer = PeerConfig(ae_title="PACS1", host="127.0.0.1", port=archive.port)
        config = config.model_copy(update={"dimse": DimseConfig(port=port, peers=(peer,))})
        house = build(config)
        stack.callback(house.close)
        if deaf:
            stack.enter_context(socket.create_server(("127.0.0.1", port)))
        else:
            place = Place(sockets={"dimse": reserve("127.0.0.1", port, "dimse")})
            stack.enter_context(running(None, services=Services(house.storage), place=place))
        yield Hospital(house, pacs, stored, archive.port)


@pytest.fixture(params=["move", "get"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hospital]:
    with hospital(tmp_path, request.param) as made:
        yield made


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Hospital]:
    with hospital(tmp_path, "move") as made:
        yield made
