import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from dimse import command as commands
from dimse import pdu_protocol as pdus
from dimse.association_items import Role
from dimse.command import C_ECHO_RQ, C_FIND_RQ, C_STORE_RQ
from dimse.exchange import AssociationLost
from dimse.scu import elements
from dimse.scu.establishing import Proposal
from dimse.scu.requestor import AssociationFailed, Patience, Requestor
from dimse.scu.verification import PROPOSAL, echo
from dimse.services.operation import Answered, Operation
from dimse.settings import Peer
from dimse.status import SUCCESS
from tests.dimse.peer import CT, EXPLICIT, IMPLICIT, VERIFICATION
from tests.dimse.scu.acceptor import Acceptor, playing
from tests.support.patience import PATIENCE, UNHURRIED

FIND = Proposal(CT, (EXPLICIT,))


def associate(peer: Peer, *proposals: Proposal, patience: Patience = UNHURRIED, **more: object) -> Requestor:
    return Requestor.associate(
        peer,
        proposals or (PROPOSAL,),
        calling_ae_title="US",
        patience=patience,
        **more,  # type: ignore[arg-type]
    )


def ask(requestor: Requestor, data: list[bytes] | None = None) -> Iterator[int]:
    """Statuses of a request with a data set on the first context."""
    request = elements.request(C_FIND_RQ, CT, priority=True)
    return (one.status for one in requestor.request(requestor.contexts[1], request, data or []))


def test_contexts_and_roles_of_an_association() -> None:
    seen = []

    def script(acceptor: Acceptor) -> None:
        acceptor.accept(roles=[Role(CT, scu=False, scp=True)], results=[0, 3, 0])
        seen.append(acceptor.request)
        acceptor.release()

    proposals = (Proposal(CT, (EXPLICIT,), as_scp=True), Proposal("1.2.3", (IMPLICIT,)), PROPOSAL)
    with playing(script) as peer, associate(peer, *proposals) as requestor:
        assert [(one.id, one.peer_is_scp) for one in requestor.contexts.values()] == [(1, False), (5, True)]
        assert requestor.context(VERIFICATION) == requestor.contexts[5]
        assert requestor.context(CT, IMPLICIT) is None
    (request,) = seen
    assert (request.calling_ae_title, request.called_ae_title) == ("US", "RUDE")
    assert request.roles == (Role(CT, scu=False, scp=True),)
    assert [one.transfer_syntaxes for one in request.contexts] == [one.transfer_syntaxes for one in proposals]


def test_a_context_of_a_syntax_that_was_not_proposed_is_none() -> None:
    def script(acceptor: Acceptor) -> None:
        acceptor.pdu()
        item = b"\x21\0\0\x1b\1\0\0\0\x40\0\0\x131.2.840.10008.1.2.5"
        user = b"\x50\0\0\x08\x51\0\0\x04\0\0\0\0"
        body = bytes((0, 1)) + bytes(66) + item + user
        acceptor.send(b"\2\0" + len(body).to_bytes(4, "big") + body)
        acceptor.release()

    with playing(script) as peer, associate(peer, FIND) as requestor:
        assert (requestor.contexts, requestor.longest_pdu) == ({}, 0)


@pytest.mark.parametrize(
    ("answer", "said", "permanent"),
    [
        (pdus.encode_reject(1, 1, 3), "does not know the calling AE title US; enter this AE title", True),
        (pdus.encode_reject(1, 1, 7), "does not know the called AE title RUDE", True),
        (pdus.encode_reject(2, 3, 2), "a local limit is exceeded; try again later", False),
        (pdus.encode_reject(9, 9, 9), "source 9, reason 9", False),
        (pdus.encode_abort(0), "aborted instead of answering", False),
        (b"", "closed the connection instead of answering", False),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is not DICOM", True),
        (b"\2\0\xff\xff\xff\xff", "is not DICOM", True),
        (b"\2\0\0\0\0\4abcd", "is not DICOM", True),
    ],
)
def test_an_association_that_fails_says_why(answer: bytes, said: str, permanent: bool) -> None:
    def script(acceptor: Acceptor) -> None:
        acceptor.pdu()
        acceptor.send(answer)

    with playing(script) as peer:
        with pytest.raises(AssociationFailed) as failed:
            associate(peer)
        assert said in str(failed.value)
        assert (failed.value.step, failed.value.is_permanent) == ("association", permanent)


def test_who_does_not_answer_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent = Peer("SILENT", "127.0.0.1", server.getsockname()[1])
        with pytest.raises(AssociationFailed, match="takes the connection but does not answer"):
            associate(silent, patience=replace(UNHURRIED, association=0.1))


@pytest.mark.parametrize(("host", "step"), [("nowhere.invalid", "name"), ("127.0.0.1", "tcp")])
def test_who_is_not_there(host: str, step: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(AssociationFailed) as failed:
        associate(Peer("NOBODY", host, port))
    assert failed.value.step == step


@pytest.mark.parametrize("count", [0, 129])
def test_contexts_are_1_to_128(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 128"):
        Requestor.associate(Peer("A", "127.0.0.1", 1), [PROPOSAL] * count, calling_ae_title="US")


@pytest.mark.parametrize("longest_pdu", [0, 7, 9, 15, 4097, 16384])
def test_data_sets_arrive_whole_whatever_the_length_of_pdus(longest_pdu: int) -> None:
    data = [bytes(range(256)) * 8, b"ab" * 11, b"", b"cd"]
    received = []

    def script(acceptor: Acceptor) -> None:
        acceptor.accept(longest_pdu=longest_pdu)
        context, command, data_set = acceptor.message()
        received.append((command.text(commands.AFFECTED_SOP_CLASS_UID), command.number(elements.PRIORITY), data_set))
        acceptor.respond(context, command, 0)
        acceptor.release()

    with playing(script) as peer, associate(peer, FIND) as requestor:
        assert list(ask(requestor, data)) == [0]
    assert received == [(CT, 0, b"".join(data))]


def test_several_responses_and_requests_one_after_the_other() -> None:
    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        for number in (1, 2):
            context, command, _ = acceptor.message()
            assert command.message_id == number
            acceptor.respond(context, command, 0xFF00, b"one!")
            acceptor.respond(context, command, 0xFF01, b"two!" * 10000)
            acceptor.respond(context, command, 0)
        acceptor.release()

    with playing(script) as peer, associate(peer, FIND) as requestor:
        for _ in range(2):
            found = list(requestor.request(requestor.contexts[1], elements.request(C_FIND_RQ, CT)))
            assert [(one.status, len(one.identifier)) for one in found] == [(0xFF00, 4), (0xFF01, 40000), (0, 0)]


def test_who_stops_listening_cancels() -> None:
    cancelled = []

    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        context, command, _ = acceptor.message()
        acceptor.respond(context, command, 0xFF00, b"one!")
        _, cancel, _ = acceptor.message()
        cancelled.append((cancel.field, cancel.number(commands.MESSAGE_ID_RESPONDED_TO)))
        acceptor.respond(context, command, 0xFF00, b"late")
        acceptor.respond(context, command, 0xFE00)
        context, command, _ = acceptor.message()
        acceptor.respond(context, command, 0)
        acceptor.release()

    with playing(script) as peer, associate(peer, PROPOSAL) as requestor:
        responses = requestor.request(requestor.contexts[1], elements.request(C_FIND_RQ, CT))
        assert next(responses).is_pending
        responses.close()  # type: ignore[attr-defined]
        assert echo(requestor) == 0
    assert cancelled == [(commands.C_CANCEL_RQ, 1)]


def _accept_and(act: Callable[[Acceptor, int, commands.Command], None]) -> Callable[[Acceptor], None]:
    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        context, command, _ = acceptor.message()
        act(acceptor, context, command)
        # Until the requestor closes.
        while acceptor.pdu()[0]:
            pass

    return script


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda a, c, r: a.send(pdus.encode_abort(0)), "the peer aborted the association .by its user."),
        (lambda a, c, r: a.send(pdus.encode_abort(2, 1)), "by its service provider"),
        (lambda a, c, r: a.socket.shutdown(socket.SHUT_WR), "the connection is lost"),
        (lambda a, c, r: a.send(bytes((5, 0, 0, 0, 0, 4, 0, 0, 0, 0))), "the peer released the association"),
        (lambda a, c, r: a.respond(c, r, 0, message_id=99), "belongs to nothing we asked"),
        (lambda a, c, r: a.respond(9, r, 0), "broke the protocol"),
        (lambda a, c, r: a.respond(c, r, 0xFF00, bytes(1 << 20) + b"ab"), "larger than a megabyte"),
        (lambda a, c, r: a.send(b"\4\0\xff\0\0\0"), "broke the protocol"),
        (lambda a, c, r: a.send(bytes((4, 0, 0, 0, 0, 6)) + b"\0\0\0\2\1\3"), "broke the protocol"),
    ],
)
def test_what_a_peer_breaks_is_a_lost_association(
    act: Callable[[Acceptor, int, commands.Command], None], said: str
) -> None:
    with playing(_accept_and(act)) as peer:
        requestor = associate(peer)
        with pytest.raises(AssociationLost, match=said):
            echo(requestor)
        assert requestor.is_lost
        with pytest.raises(AssociationLost, match=said):
            echo(requestor)
        requestor.release()
        requestor.abort()


def test_a_late_response_is_not_waited_for() -> None:
    seen = []

    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        acceptor.message()
        seen.append(acceptor.pdu()[0])

    with playing(script) as peer, pytest.raises(AssociationLost, match="does not answer in time"):
        echo(associate(peer, patience=replace(UNHURRIED, response=0.1)))
    assert seen == [pdus.ABORT]


def test_who_does_not_read_is_left() -> None:
    given_up = threading.Event()

    def script(acceptor: Acceptor) -> None:
        acceptor.accept(longest_pdu=0)
        given_up.wait(PATIENCE)

    with playing(script) as peer:
        requestor = associate(peer, FIND, patience=replace(UNHURRIED, send=0.1))
        with pytest.raises(AssociationLost, match="does not read"):
            list(ask(requestor, [bytes(1 << 18)] * 200))
        given_up.set()


def test_data_that_fail_midway_abort_the_association() -> None:
    seen = []

    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        while (pdu := acceptor.pdu())[0]:
            seen.append(pdu[0])

    def data() -> Iterator[bytes]:
        yield bytes(100_000)
        yield bytes(100_000)
        raise OSError("the disk is gone")

    with playing(script) as peer:
        requestor = associate(peer, FIND)
        with pytest.raises(OSError, match="the disk is gone"):
            requestor.request(requestor.contexts[1], elements.request(C_STORE_RQ, CT), data())
        assert requestor.is_lost
    assert seen[-1] == pdus.ABORT


def test_what_the_peer_asks_meanwhile_is_performed() -> None:
    answers = []

    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        context, command, _ = acceptor.message()
        acceptor.ask(context, C_STORE_RQ, b"data")
        answers.append(acceptor.message()[1])
        acceptor.respond(context, command, 0)
        acceptor.ask(context, C_ECHO_RQ, message_id=78)
        answers.append(acceptor.message()[1])
        acceptor.release()

    asked = []

    def perform(context: object, command: commands.Command) -> Operation:
        asked.append(command.field)
        return Answered(SUCCESS)

    with playing(script) as peer, associate(peer, perform=perform) as requestor:
        assert echo(requestor) == 0
        assert requestor.perform_request(5)
        assert not requestor.perform_request(0.01)
    assert asked == [C_STORE_RQ, C_ECHO_RQ]
    assert [
        (one.field, one.number(commands.MESSAGE_ID_RESPONDED_TO), one.number(commands.STATUS)) for one in answers
    ] == [
        (C_STORE_RQ | commands.RESPONSE, 77, 0),
        (C_ECHO_RQ | commands.RESPONSE, 78, 0),
    ]


def test_without_an_offer_a_request_of_the_peer_is_refused() -> None:
    answers = []

    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        acceptor.ask(1, C_STORE_RQ, b"data")
        answers.append(acceptor.message()[1].number(commands.STATUS))
        acceptor.release()

    with playing(script) as peer, associate(peer) as requestor:
        assert requestor.perform_request(5)
    assert answers == [0x0211]


def test_a_block_that_fails_aborts() -> None:
    seen = []

    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        seen.append(acceptor.pdu()[0])

    with playing(script) as peer, pytest.raises(KeyError), associate(peer):
        raise KeyError
    assert seen == [pdus.ABORT]


def test_releases_that_cross_are_both_answered() -> None:
    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        assert acceptor.pdu()[0] == pdus.RELEASE_RQ
        acceptor.send(bytes((5, 0, 0, 0, 0, 4, 0, 0, 0, 0)))
        assert acceptor.pdu()[0] == pdus.RELEASE_RP
        acceptor.send(pdus.encode_release_reply())

    with playing(script) as peer:
        associate(peer).release()
