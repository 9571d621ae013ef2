"""The third-party dicomweb-client against a real server on a real socket."""

import socket
import threading
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import requests
import uvicorn
from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)
from requests.exceptions import HTTPError
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import Mount

from dicomweb.problems import handlers
from dicomweb.routes import Right, routes
from storage.errors import DuplicateInstance, NotAuthenticated, Refusal
from storage.scope import StudyScope, WholeArchive
from storage.storage import Storage, StorageSettings
from tests.dicomweb.instances import rle
from tests.support.corpus import bundled, needs_shared, shared
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct, part10

TOKEN = "Bearer wire"
LOSSLESS = {
    *(ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless),
    *(JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless),
}
# Bundled files that are cut short on purpose.
CUT_SHORT = {"MR_truncated.dcm", "rtplan_truncated.dcm"}
AS_STORED = (("application/dicom", "*"),)


def _scope_of(connection: HTTPConnection, right: Right) -> StudyScope:
    if connection.headers.get("authorization") != TOKEN:
        raise NotAuthenticated("Sign in first.")
    return WholeArchive()


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    opened = Storage.open(tmp_path_factory.mktemp("wire"), StorageSettings(free_space_floor=0))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def url(storage: Storage) -> Iterator[str]:
    """The base URL of a server in a thread of this process."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{listening.getsockname()[1]}/dicom-web"
        mount = Mount("/dicom-web", routes=routes(storage, _scope_of, lambda _: base))
        application = Starlette(routes=[mount], exception_handlers=dict(handlers))
        server = uvicorn.Server(uvicorn.Config(application, log_level="critical", lifespan="off"))
        # Connections wait in the backlog until the loop accepts them, so nobody has to wait for the server.
        listening.listen(128)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield base
        server.should_exit = True
        thread.join()


@pytest.fixture
def client(url: str) -> Iterator[DICOMwebClient]:
    with requests.Session() as session:
        yield DICOMwebClient(url, headers={"Authorization": TOKEN}, session=session)


def keep(storage: Storage, file: bytes) -> pydicom.Dataset:
    incoming = storage.ingest.receive()
    incoming.write(file)
    storage.ingest.store(incoming, source="test")
    return pydicom.dcmread(BytesIO(file))


def uids(data_set: Dataset) -> tuple[str, str, str]:
    return data_set.StudyInstanceUID, data_set.SeriesInstanceUID, data_set.SOPInstanceUID


@pytest.fixture(scope="module")
def series(storage: Storage) -> list[pydicom.Dataset]:
    """Three instances of one series."""
    parents: dict[str, Any] = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid()}
    return [keep(storage, part10(ct(number=number, PatientID="WIRE", **parents))) for number in (1, 2, 3)]


def test_search(client: DICOMwebClient, series: list[pydicom.Dataset]) -> None:
    study, one_series, _ = uids(series[0])
    (found,) = client.search_for_studies(search_filters={"PatientID": "WIRE"})
    assert Dataset.from_json(found).StudyInstanceUID == study
    (found,) = client.search_for_series(study, fields=["SeriesDescription"])
    assert Dataset.from_json(found).SeriesInstanceUID == one_series
    instances = client.search_for_instances(study, one_series)
    assert [Dataset.from_json(one).InstanceNumber for one in instances] == [1, 2, 3]
    assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []
    pages = [client.search_for_instances(study, limit=2, offset=offset) for offset in (0, 2)]
    assert [len(page) for page in pages] == [2, 1]
    assert len(client.search_for_instances(study, limit=2, get_remaining=True)) == 3


def test_metadata(client: DICOMwebClient, series: list[pydicom.Dataset]) -> None:
    study, one_series, instance = uids(series[1])
    assert len(client.retrieve_study_metadata(study)) == 3
    assert len(client.retrieve_series_metadata(study, one_series)) == 3
    found = Dataset.from_json(client.retrieve_instance_metadata(study, one_series, instance), lambda tag, vr, uri: b"")
    for keyword in ("PatientName", "StudyDate", "WindowCenter", "Rows", "SOPClassUID"):
        assert found[keyword].value == series[1][keyword].value


def test_bulk_data(client: DICOMwebClient, series: list[pydicom.Dataset]) -> None:
    metadata = client.retrieve_instance_metadata(*uids(series[0]))
    assert client.retrieve_bulkdata(metadata["7FE00010"]["BulkDataURI"]) == [series[0].PixelData]


def test_instances(client: DICOMwebClient, series: list[pydicom.Dataset]) -> None:
    study, one_series, _ = uids(series[0])
    assert client.retrieve_instance(*uids(series[2])) == series[2]
    assert client.retrieve_series(study, one_series) == series
    assert list(client.iter_study(study)) == series
    assert client.retrieve_study(study, media_types=AS_STORED) == series


def test_frames(client: DICOMwebClient, storage: Storage) -> None:
    image = ct()
    image.NumberOfFrames = 3
    image.PixelData = np.arange(3 * 256, dtype="<i2").tobytes()
    pixels = image.PixelData
    kept = keep(storage, rle(image))
    expected = [pixels[at : at + 512] for at in (0, 512, 1024)]
    assert client.retrieve_instance_frames(*uids(kept), [1, 3]) == [expected[0], expected[2]]
    octets = ("application/octet-stream",)
    assert list(client.iter_instance_frames(*uids(kept), [1, 2, 3], media_types=octets)) == expected
    stored = list(generate_frames(kept.PixelData, number_of_frames=3))
    by_syntax = (("image/dicom-rle", RLELossless),)
    assert client.retrieve_instance_frames(*uids(kept), [2], media_types=by_syntax) == [stored[1]]


def test_rendered(client: DICOMwebClient, series: list[pydicom.Dataset]) -> None:
    for media_type, beginning in (("image/jpeg", b"\xff\xd8\xff"), ("image/png", b"\x89PNG")):
        assert client.retrieve_instance_rendered(*uids(series[0]), media_types=(media_type,)).startswith(beginning)
    picture = client.retrieve_instance_frames_rendered(
        *uids(series[0]), [1], media_types=("image/png",), params={"viewport": "8,8", "window": "40,400,linear"}
    )
    assert picture.startswith(b"\x89PNG")


def test_store(client: DICOMwebClient) -> None:
    study = generate_uid()
    parents: dict[str, Any] = {"StudyInstanceUID": study, "SeriesInstanceUID": generate_uid()}
    images = [pydicom.dcmread(BytesIO(part10(ct(number=number, **parents)))) for number in (1, 2)]
    report = client.store_instances(images, study)
    assert [item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence] == [
        image.SOPInstanceUID for image in images
    ]
    assert client.retrieve_study(study) == images


def test_store_in_small_chunks(client: DICOMwebClient) -> None:
    client.set_chunk_size(1000)
    large = pydicom.dcmread(BytesIO(part10(ct(300, 300))))
    client.store_instances([large])
    assert client.retrieve_instance(*uids(large)) == large


def test_store_of_another_study(client: DICOMwebClient) -> None:
    image = pydicom.dcmread(BytesIO(part10(ct())))
    with pytest.raises(HTTPError) as refused:
        client.store_instances([image], generate_uid())
    assert refused.value.response is not None and refused.value.response.status_code == 409


def test_strangers(url: str, series: list[pydicom.Dataset]) -> None:
    with requests.Session() as session, pytest.raises(HTTPError) as refused:
        DICOMwebClient(url, session=session).search_for_studies()
    assert refused.value.response is not None and refused.value.response.status_code == 401


def test_a_malformed_body_on_the_wire(url: str) -> None:
    headers = {"Authorization": TOKEN, "Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
    response = requests.post(f"{url}/studies", b"--b\r\n\r\ncut", headers=headers, timeout=PATIENCE)
    assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")


def _round_trip(storage: Storage, session: requests.Session, url: str, file: bytes, data_set: pydicom.Dataset) -> str:
    """What is wrong with retrieving `file` after storing it: nothing, or one sentence."""
    incoming = storage.ingest.receive()
    incoming.write(file)
    try:
        stored = storage.ingest.store(incoming, source="test")
    except DuplicateInstance:
        return ""
    names = (stored.study_instance_uid, stored.series_instance_uid, stored.sop_instance_uid)
    record = storage.index.instance(WholeArchive(), *names)
    location = f"{url}/studies/{names[0]}/series/{names[1]}/instances/{names[2]}"
    whole = session.get(location, headers={"Accept": "application/dicom; transfer-syntax=*"}, timeout=PATIENCE)
    if whole.status_code != 200:
        return f"as stored: {whole.status_code}"
    if record.transfer_syntax_uid not in (ImplicitVRLittleEndian, ExplicitVRBigEndian) and whole.content != file:
        return "as stored: other bytes"
    metadata = session.get(f"{location}/metadata", headers={"Accept": "application/dicom+json"}, timeout=PATIENCE)
    if metadata.status_code != 200 or metadata.json()[0]["00080018"]["Value"] != [names[2]]:
        return f"metadata: {metadata.status_code}"
    return _frames_differ(session, location, data_set)


def _frames_differ(session: requests.Session, location: str, data_set: pydicom.Dataset) -> str:
    """How frames as Explicit VR Little Endian differ from pydicom's, of those that it decodes without loss to grey."""
    syntax = data_set.file_meta.get("TransferSyntaxUID", "")
    if syntax not in LOSSLESS or data_set.get("SamplesPerPixel") != 1 or data_set.get("BitsAllocated", 0) % 8:
        return ""
    try:
        count = int(data_set.get("NumberOfFrames") or 1)
        # Of native pixels pydicom's arrays would lack the bits above Bits Stored.
        native = bytes(data_set.PixelData) if not UID(syntax).is_compressed else data_set.pixel_array.tobytes()
    except Exception:
        return ""
    size = data_set.Rows * data_set.Columns * data_set.BitsAllocated // 8
    for number in {1, count}:
        answer = session.get(
            f"{location}/frames/{number}", headers={"Accept": "application/octet-stream"}, timeout=PATIENCE
        )
        if answer.status_code != 200:
            return f"frame {number}: {answer.status_code}"
        if answer.content[:size] != native[(number - 1) * size : number * size]:
            return f"frame {number}: other pixels"
    return ""


def _has_names(data_set: pydicom.Dataset) -> bool:
    """Whether an instance says who it is, in the data set or in its file meta information."""
    meta = data_set.file_meta
    instance = data_set.get("SOPInstanceUID") or meta.get("MediaStorageSOPInstanceUID")
    return bool(instance and (data_set.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID")))


def _all_come_back(storage: Storage, url: str, files: Iterable[Path]) -> None:
    with requests.Session() as session:
        session.headers["Authorization"] = TOKEN
        wrong = {}
        for path in files:
            file = path.read_bytes()
            data_set = pydicom.dcmread(BytesIO(file), force=True)
            try:
                found = _round_trip(storage, session, url, file, data_set)
            except Refusal as refusal:
                found = f"refused: {refusal.detail}" if _has_names(data_set) else ""
            if found:
                wrong[path.name] = found
    assert not wrong, "\n".join(f"{name}: {why}" for name, why in wrong.items())


# pydicom's, about values that are odd on purpose.
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@needs_shared
@pytest.mark.parametrize(
    "folder", ["modality", "transfer_syntax", "charset", "colour", "objects", "odd_legal", "encapsulation", "series"]
)
def test_everything_shared_comes_back(storage: Storage, url: str, folder: str) -> None:
    _all_come_back(storage, url, shared(folder))


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_everything_bundled_comes_back(storage: Storage, url: str) -> None:
    _all_come_back(storage, url, [path for path in bundled() if path.name not in CUT_SHORT])
