"""What a whole gateway writes to its log, whatever it is sent: never a patient's name."""

import pydicom
import pytest
from pydicom.config import IGNORE, settings

from tests.dimse.conversations import MARKER, conversations
from tests.dimse.fuzzing import Hearing, send_share
from tests.dimse.peer import Peer, store_pdus
from tests.support.gateway import Gateway
from tests.support.patience import PATIENCE
from tests.support.synthetic import bare, ct

PDUS = 400
ODD = {
    "PatientBirthDate": f"{MARKER}",
    "PatientName": f"{MARKER}^" * 20,
    "PatientID": f"{MARKER}" * 20,
    "StudyTime": f"{MARKER}",
    "PatientSex": f"{MARKER}{MARKER}",
}


def odd_instances() -> list[bytes]:
    """Each with one value that its VR does not allow: what pydicom would warn of, and quote."""
    settings.writing_validation_mode = IGNORE
    try:
        return [bare(image) for image in odd_images()]
    finally:
        settings.writing_validation_mode = pydicom.config.WARN


def odd_images() -> list[pydicom.Dataset]:
    images = []
    for keyword, value in ODD.items():
        image = ct(PatientName=f"{MARKER}^Erika")
        image.add(pydicom.DataElement(keyword, image[keyword].VR, value, validation_mode=IGNORE))
        images.append(image)
    return images


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_no_patient_in_the_log(gateway: Gateway) -> None:
    send_odd(gateway)
    converse(gateway)
    sent, *_ = send_share(gateway.dimse_port, "silence", PDUS, gateway.ae_title)
    assert sent >= PDUS
    log = gateway.log.read_text()
    assert log.count("associated calling=") > 20
    assert MARKER not in log and "Traceback" not in log


def send_odd(gateway: Gateway) -> None:
    with Peer(gateway.dimse_port) as peer:
        peer.associate(called=gateway.ae_title)
        for number, data in enumerate(odd_instances()):
            peer.send(store_pdus(data, instance=f"1.2.276.0.99.5.{number}"))
            assert peer.status() in (0x0000, 0xA900, 0xC000)
        peer.release()


def converse(gateway: Gateway) -> None:
    """Every kind of conversation, undamaged."""
    for good in conversations(gateway.ae_title):
        with Peer(gateway.dimse_port, timeout=PATIENCE) as peer:
            heard = Hearing(peer.socket, patience=0.3)
            for step in good.steps:
                if isinstance(step, bytes):
                    peer.send(step)
                else:
                    heard.wait_for(step)
