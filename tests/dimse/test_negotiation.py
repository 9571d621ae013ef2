from dataclasses import replace

import pytest
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID
from pynetdicom import sop_class

from dimse.association_pdus import Extended, ProposedContext, Role, decode_request
from dimse.negotiation import (
    Admission,
    Rejection,
    accepted_contexts,
    answer_contexts,
    answer_extended,
    answer_roles,
    is_ae_title,
    plain_address,
)
from dimse.policy import Policy
from dimse.services.operation import Context
from dimse.settings import DimseSettings, Peer
from storage.sop_classes import is_storage
from tests.dimse.peer import CT, EXPLICIT, IMPLICIT, VERIFICATION, associate_rq

REQUEST = decode_request(associate_rq(called="DURCHBLICK", calling="PACS1")[6:])
PEERS = (Peer("PACS1 ", "127.0.0.1", 104), Peer("PACS2", "::1", 104), Peer("PACS3", "no-such-host.invalid", 104))

ANYTHING = Policy(Peer("ANY", "127.0.0.1", 104))


def codes(settings: DimseSettings, address: str = "127.0.0.1", **changes: object) -> tuple[int, int, int] | None:
    verdict = Admission(settings).admit(replace(REQUEST, **changes), address)  # type: ignore[arg-type]
    return (verdict.result, verdict.source, verdict.reason) if isinstance(verdict, Rejection) else None


def test_known_peer_with_its_own_address() -> None:
    settings = DimseSettings(peers=PEERS)
    assert codes(settings) is None
    assert codes(settings, "127.0.0.2") == (1, 1, 3)
    assert codes(settings, "::1", calling_ae_title="PACS2") is None
    assert codes(settings, calling_ae_title="PACS2") == (1, 1, 3)
    assert codes(settings, calling_ae_title="PACS3") == (1, 1, 3)
    assert codes(settings, calling_ae_title="PACS") == (1, 1, 3)
    assert codes(settings, calling_ae_title="pacs1") == (1, 1, 3)


def test_unknown_peers() -> None:
    assert codes(DimseSettings()) == (1, 1, 3)
    assert codes(DimseSettings(accept_unknown_peers=True), "192.0.2.1") is None
    assert codes(DimseSettings(accept_unknown_peers=True), calling_ae_title="") == (1, 1, 3)
    assert codes(DimseSettings(accept_unknown_peers=True), calling_ae_title="A\\B") == (1, 1, 3)


def test_called_ae_title() -> None:
    settings = DimseSettings(accept_unknown_peers=True, ae_title=" GATE ")
    assert codes(settings) == (1, 1, 7)
    assert codes(settings, called_ae_title="GATE") is None
    assert codes(settings, called_ae_title="ANY-SCP") is None
    assert codes(settings, called_ae_title="") == (1, 1, 7)


def test_protocol_version_and_application_context() -> None:
    settings = DimseSettings(accept_unknown_peers=True)
    assert codes(settings, protocol_version=2) == (1, 2, 2)
    assert codes(settings, protocol_version=3) is None
    assert codes(settings, application_context="1.2.840.10008.3.1.1.2") == (1, 1, 2)


def test_a_rejection_says_how_to_mend_it() -> None:
    rejection = Admission(DimseSettings()).admit(REQUEST, "192.0.2.1")
    assert isinstance(rejection, Rejection)
    assert "[[dimse.peers]]" in rejection.mend and "dimse.accept_unknown_peers" in rejection.mend


def test_ae_titles() -> None:
    assert all(map(is_ae_title, ["A", "A B", "0123456789ABCDEF", "dürer".encode().decode("ascii", "ignore")]))
    assert not any(map(is_ae_title, ["", " ", "A\n", "A\\B", "0123456789ABCDEFG", "DÜRER", "\ufffd"]))


def test_plain_address() -> None:
    assert plain_address("::ffff:10.0.0.5") == "10.0.0.5"
    assert plain_address("fe80::1%eth0") == "fe80::1"
    assert plain_address("0:0:0:0:0:0:0:1") == "::1"


STORAGE = {str(uid) for uid in sop_class._STORAGE_CLASSES.values()}
OTHERS = {
    "1.2.840.10008.5.1.4.1.2.1.1",
    "1.2.840.10008.5.1.4.1.2.2.2",
    "1.2.840.10008.5.1.4.31",
    "1.2.840.10008.1.20.1",
    "1.2.840.10008.1.3.10",
    "1.2.840.10008.3.1.2.3.3",
    "1.2.840.10008.5.1.1.9",
    "1.2.840.10008.5.1.4.34.6.1",
    VERIFICATION,
    EXPLICIT,
    "",
    "../../etc/passwd",
}


def test_every_storage_sop_class_is_one() -> None:
    assert [UID(uid).name for uid in STORAGE if not is_storage(uid)] == []
    assert len(STORAGE) > 150


def test_no_other_service_is_storage() -> None:
    assert [uid for uid in OTHERS if is_storage(uid)] == []
    registered = [uid for uid, (_, kind, *_) in UID_dictionary.items() if kind != "SOP Class"]
    assert [uid for uid in registered if is_storage(uid)] == []


@pytest.mark.parametrize("uid", ["1.2.3.4", "1.3.12.2.1107.5.9.1", "1.2.840.10008.5.1.4.1.1.99999", "1.2.040.01"])
def test_private_and_future_classes_are_kept(uid: str) -> None:
    assert is_storage(uid)


def test_answers() -> None:
    def answer(abstract_syntax: str, *transfer_syntaxes: str) -> tuple[int, str]:
        (answered,) = answer_contexts([ProposedContext(7, abstract_syntax, transfer_syntaxes)], (), takes, ANYTHING)
        assert (answered.id, answered.abstract_syntax) == (7, abstract_syntax)
        return answered.result, answered.transfer_syntax

    def takes(abstract_syntax: str) -> bool:
        return abstract_syntax in (VERIFICATION, CT)

    jpeg_2000, private = "1.2.840.10008.1.2.4.90", "1.3.6.1.4.1.5962.300.1"
    assert answer(VERIFICATION, IMPLICIT) == (0, IMPLICIT)
    assert answer(CT, jpeg_2000, EXPLICIT) == (0, jpeg_2000)
    assert answer(CT, private) == (0, private)
    assert answer(CT, "rubbish", EXPLICIT) == (0, EXPLICIT)
    assert answer(CT)[0] == 4
    assert answer(CT, "rubbish")[0] == 4
    assert answer("1.2.840.10008.5.1.4.31", IMPLICIT)[0] == 3
    assert answer("rubbish", IMPLICIT)[0] == 3


def test_peer_that_receives_gets_what_every_image_can_be_given_in() -> None:
    jpeg_2000 = "1.2.840.10008.1.2.4.90"
    roles = answer_roles([Role(CT, scu=False, scp=True), Role(VERIFICATION, scu=True, scp=True)], ANYTHING)
    assert roles == (Role(CT, scu=False, scp=True), Role(VERIFICATION, scu=True, scp=False))
    proposed = [ProposedContext(1, CT, (jpeg_2000, IMPLICIT, EXPLICIT)), ProposedContext(3, VERIFICATION, (IMPLICIT,))]
    answered = answer_contexts(proposed, roles, lambda _: True, ANYTHING)
    assert accepted_contexts(answered, roles) == {
        1: Context(1, CT, EXPLICIT, peer_is_scp=True),
        3: Context(3, VERIFICATION, IMPLICIT),
    }


def test_storage_says_that_bits_stay_as_they_are() -> None:
    """PS3.4 B.3.1: level 2, signature level 3, no coercion; whatever the requestor says of itself."""
    assert answer_extended([Extended(CT, b"\3\0\0\0\2\0")]) == (Extended(CT, b"\2\0\3\0\0\0"),)
