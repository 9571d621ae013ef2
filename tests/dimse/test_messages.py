import pytest

from dimse import command
from dimse.command import Command
from dimse.exchange import Exchange
from dimse.messages import Message, MessageAssembler
from dimse.pdu_protocol import DataValue, PduReader, ProtocolViolation, data_values
from dimse.services.operation import Context, Done, Operation, Response
from dimse.status import SUCCESS, Status
from tests.dimse.peer import CT, EXPLICIT, IMPLICIT, VERIFICATION, echo_command, store_command

CONTEXTS = {1: Context(1, VERIFICATION, IMPLICIT), 3: Context(3, CT, EXPLICIT)}


class Recording:
    """An operation that remembers what it got."""

    converses = False

    def __init__(self) -> None:
        self.data = b""
        self.writes = 0
        self.abandoned = 0

    def write(self, fragments: list[memoryview]) -> None:
        self.data += b"".join(fragments)
        self.writes += 1

    def perform(self, exchange: Exchange, done: Done) -> None:
        done(Response(SUCCESS))

    def abandon(self) -> None:
        self.abandoned += 1


class Assembly:
    """An assembler with the operations it began."""

    def __init__(self, largest_data_set: int = 1000) -> None:
        self.begun: list[tuple[Context, Command, Recording]] = []
        self.assembler = MessageAssembler(CONTEXTS, largest_data_set, self.begin)

    def begin(self, context: Context, received: Command) -> Operation:
        self.begun.append((context, received, Recording()))
        return self.begun[-1][2]

    def add(self, context_id: int, kind: str, fragment: bytes) -> Message | None:
        """`kind`: c or d, upper case for a last fragment."""
        return self.assembler.add(DataValue(context_id, kind in "cC", kind in "CD", memoryview(fragment)))


def test_command_alone() -> None:
    assembly = Assembly()
    message = assembly.add(1, "C", echo_command(77))
    assert message is not None and message.context is CONTEXTS[1]
    assert assembly.begun[0][1].message_id == 77
    assert not assembly.assembler.is_receiving
    assert assembly.add(1, "C", echo_command(78)) is not None


def test_fragments_of_any_size_even_none() -> None:
    assembly = Assembly()
    encoded = store_command()
    for at in range(len(encoded)):
        assert assembly.add(3, "c", encoded[at : at + 1]) is None
    assert assembly.assembler.is_receiving and not assembly.begun
    assert assembly.add(3, "C", b"") is None
    assert [assembly.add(3, "d", piece) for piece in (b"ab", b"", b"c")] == [None] * 3
    message = assembly.add(3, "D", b"")
    assert message is not None
    assert assembly.begun[0][2].data == b"abc"
    assert not assembly.assembler.is_receiving


def test_abandon_reaches_the_operation_once() -> None:
    assembly = Assembly()
    assembly.add(3, "C", store_command())
    assembly.assembler.abandon()
    assembly.assembler.abandon()
    assert assembly.begun[0][2].abandoned == 1


BREACHES = {
    "context not accepted": [(5, "C", echo_command())],
    "data before command": [(3, "d", b"ab")],
    "data inside command": [(3, "c", store_command()[:9]), (3, "d", b"ab")],
    "command inside data": [(3, "C", store_command()), (3, "c", b"ab")],
    "interleaved": [(3, "C", store_command()), (1, "C", echo_command())],
    "interleaved commands": [(3, "c", store_command()), (1, "c", echo_command())],
    "data set too large": [(3, "C", store_command()), (3, "d", bytes(600)), (3, "d", bytes(401))],
    "command too long": [(3, "c", bytes(40_000)), (3, "c", bytes(40_000))],
    "command empty": [(3, "C", b"")],
    "command cut": [(3, "C", store_command()[:-1])],
    "command header cut": [(3, "C", store_command() + bytes(3))],
    "command of another group": [(3, "C", b"\x08\0\0\0\2\0\0\0\0\0")],
    "no message id": [(3, "C", command.encode([(0x0100, b"\1\0"), (0x0800, b"\1\1")]))],
    "no data set type": [(3, "C", command.encode([(0x0100, b"\1\0"), (0x0110, b"\1\0")]))],
    "long command field": [(3, "C", command.encode([(0x0100, b"\1\0\0\0")]))],
    "a response to nothing": [(3, "C", command.encode([(0x0100, b"\1\x80"), (0x0110, b"\1\0"), (0x0800, b"\1\1")]))],
    "a cancel request of nothing": [(3, "C", command.encode([(0x0100, b"\xff\x0f"), (0x0800, b"\1\1")]))],
}


@pytest.mark.parametrize("breach", BREACHES.values(), ids=BREACHES.keys())
def test_breaches(breach: list[tuple[int, str, bytes]]) -> None:
    assembly = Assembly()
    for value in breach[:-1]:
        assert assembly.add(*value) is None
    with pytest.raises(ProtocolViolation):
        assembly.add(*breach[-1])


def test_response_and_cancel_request_are_messages_too() -> None:
    assembly = Assembly()
    for field in (b"\1\x80", b"\xff\x0f"):
        message = assembly.add(3, "C", command.encode([(0x0100, field), (0x0120, b"\5\0"), (0x0800, b"\1\1")]))
        assert message is not None and not message.command.is_request


def test_fragments_reach_the_operation_together() -> None:
    assembly = Assembly()
    assembly.add(3, "C", store_command())
    (_, _, operation), *_ = assembly.begun
    for piece in (b"ab", b"cd"):
        assembly.add(3, "d", piece)
    assert operation.data == b""
    assembly.assembler.flush()
    assembly.assembler.flush()
    assert (operation.data, operation.writes) == (b"abcd", 1)
    assembly.add(3, "D", b"ef")
    assert (operation.data, operation.writes) == (b"abcdef", 2)


def encoded(message: Message, response: Response, longest_pdu: int = 0) -> list[tuple[bool, bytes]]:
    """The command set and the data set of a response, as (is command, bytes)."""
    reader = PduReader({4: 1000})
    data = message.encode(response, longest_pdu)
    reader.space()[: len(data)] = data
    reader.received(len(data))
    parts: list[tuple[bool, bytes]] = []
    whole = b""
    while (pdu := reader.next_pdu()) is not None:
        for value in data_values(pdu.body):
            assert value.context_id == message.context.id
            whole += value.fragment
            if value.is_last:
                parts.append((value.is_command, whole))
                whole = b""
    return parts


def test_response_of_success() -> None:
    assembly = Assembly()
    assembly.add(3, "C", store_command(CT, "1.2.3", 513))
    message = assembly.add(3, "D", b"")
    assert message is not None
    assert encoded(message, Response(SUCCESS)) == [
        (
            True,
            b"\0\0\0\0\4\0\0\0\x58\0\0\0"
            b"\0\0\2\0\x1a\0\0\x001.2.840.10008.5.1.4.1.1.2\0"
            b"\0\0\0\1\2\0\0\0\1\x80"
            b"\0\0\x20\1\2\0\0\0\1\2"
            b"\0\0\0\x08\2\0\0\0\1\1"
            b"\0\0\0\x09\2\0\0\0\0\0"
            b"\0\0\0\x10\6\0\0\x001.2.3\0",
        )
    ]


@pytest.mark.parametrize("longest_pdu", [0, 30])
def test_response_with_data_set_and_counts(longest_pdu: int) -> None:
    message = Assembly().add(1, "C", echo_command())
    assert message is not None
    response = Response(Status(0xFF00), b"identifier " * 5, ((0x1021, b"\7\0"), (0x1020, b"\3\0")))
    (is_command, command_set), data_set = encoded(message, response, longest_pdu)
    assert is_command and data_set == (False, b"identifier " * 5)
    assert command.decode(command_set).number(0x1020) == 3
    assert command.decode(command_set).has_data_set
    assert list(command.decode(command_set).elements) == sorted(command.decode(command_set).elements)


def test_response_of_refusal() -> None:
    message = Assembly().add(1, "C", echo_command())
    assert message is not None
    refusal = Response(Status(0xA700, "No room \\ \u00e4\n" + "x" * 80, 0x0002))
    ((_, command_set),) = encoded(message, refusal)
    response = command.decode(command_set)
    assert response.number(command.STATUS) == 0xA700
    assert response.elements[command.OFFENDING_ELEMENT] == b"\0\0\2\0"
    comment = response.elements[command.ERROR_COMMENT]
    assert comment == b"No room / ??" + b"x" * 52
