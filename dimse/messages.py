"""DIMSE messages from presentation data values, and responses back (PS3.7 annexes E and F, PS3.8 annex E)."""

from collections.abc import Callable, Mapping

from dimse import command, pdu_protocol
from dimse.command import Command
from dimse.pdu_protocol import INVALID_PARAMETER, UNEXPECTED_PARAMETER, DataValue, ProtocolViolation
from dimse.services.operation import Context, Operation, Response


class MessageAssembler:
    """Puts fragments together: first the command set, then the data set, which streams into the operation.

    `begin` makes the operation when a command is complete, whatever it is: request, response or cancel request. One
    message at a time: fragments of two are never mixed (PS3.8 annex E.1).
    """

    def __init__(
        self, contexts: Mapping[int, Context], largest_data_set: int, begin: Callable[[Context, Command], Operation]
    ) -> None:
        self._contexts = contexts
        self._largest_data_set = largest_data_set
        self._begin = begin
        self._context: Context | None = None
        self._command_set = bytearray()
        self._command: Command | None = None
        self._operation: Operation | None = None
        self._fragments: list[memoryview] = []
        self._size = 0

    @property
    def is_receiving(self) -> bool:
        """Whether a message has begun and is not complete."""
        return self._context is not None

    def add(self, value: DataValue) -> "Message | None":
        """Take the next data value; the message when it is its last one. Raises `ProtocolViolation`.

        Fragments of the data set reach the operation with the next `flush`, at the latest when they are complete.
        """
        context = self._context_of(value)
        if self._operation is None:
            self._add_command(context, value)
        else:
            self._add_data(value)
        if self._operation is None or not value.is_last or (value.is_command and self._awaits_data_set):
            return None
        return self._take(context)

    def flush(self) -> None:
        """Hand over the fragments that have come: the memory they lie in is about to be used again."""
        if self._fragments and self._operation is not None:
            fragments, self._fragments = self._fragments, []
            self._operation.write(fragments)

    def abandon(self) -> None:
        """The rest of the message will not come."""
        self._fragments = []
        if self._operation is not None:
            self._operation.abandon()
            self._operation = None

    @property
    def _awaits_data_set(self) -> bool:
        return self._command is not None and self._command.has_data_set

    def _context_of(self, value: DataValue) -> Context:
        context = self._contexts.get(value.context_id)
        if context is None:
            raise ProtocolViolation("data came on a presentation context that is not accepted", INVALID_PARAMETER)
        if self._context is None:
            self._context = context
        elif context is not self._context:
            raise ProtocolViolation("two messages are interleaved", UNEXPECTED_PARAMETER)
        return context

    def _add_command(self, context: Context, value: DataValue) -> None:
        if not value.is_command:
            raise ProtocolViolation("data came before the command was complete", UNEXPECTED_PARAMETER)
        if len(self._command_set) + len(value.fragment) > command.LONGEST_COMMAND:
            raise ProtocolViolation("the command set is too long", INVALID_PARAMETER)
        self._command_set += value.fragment
        if value.is_last:
            self._command = command.decode(bytes(self._command_set))
            self._command_set.clear()
            self._check(self._command)
            self._operation = self._begin(context, self._command)

    @staticmethod
    def _check(received: Command) -> None:
        # Every message needs these; a request without them cannot even be answered.
        received.number(command.MESSAGE_ID if received.is_request else command.MESSAGE_ID_RESPONDED_TO)
        received.number(command.DATA_SET_TYPE)

    def _add_data(self, value: DataValue) -> None:
        if value.is_command:
            raise ProtocolViolation("a command came inside a data set", UNEXPECTED_PARAMETER)
        self._size += len(value.fragment)
        if self._size > self._largest_data_set:
            raise ProtocolViolation(f"a data set is larger than {self._largest_data_set} bytes", INVALID_PARAMETER)
        self._fragments.append(value.fragment)

    def _take(self, context: Context) -> "Message":
        self.flush()
        assert self._command is not None and self._operation is not None
        message = Message(context, self._command, self._operation)
        self._context, self._command, self._operation, self._size = None, None, None, 0
        return message


class Message:
    """A complete message: a request is ready to be finished and answered. `is_cancelled` is for the peer to set."""

    __slots__ = ("_encoded", "_of", "command", "context", "is_cancelled", "operation")

    def __init__(self, context: Context, received: Command, operation: Operation) -> None:
        self.context = context
        self.command = received
        self.operation = operation
        self.is_cancelled = False
        self._of: tuple[object, ...] = ()
        self._encoded = b""

    def encode(self, response: Response, longest_pdu: int) -> bytes:
        """The P-DATA-TF PDUs of a response, none longer than `longest_pdu` (0: no limit)."""
        encoded = self._command_pdus(response, longest_pdu)
        if not response.identifier:
            return encoded
        return encoded + pdu_protocol.encode_values(self.context.id, response.identifier, longest_pdu, is_command=False)

    def _command_pdus(self, response: Response, longest_pdu: int) -> bytes:
        """Those of the command set, which all matches of a query have in common."""
        of = (response.status, response.elements, not response.identifier, longest_pdu)
        if of != self._of:
            command_set = self._command_set(response)
            self._encoded = pdu_protocol.encode_values(self.context.id, command_set, longest_pdu, is_command=True)
            self._of = of
        return self._encoded

    def _command_set(self, response: Response) -> bytes:
        """The response command set (PS3.7 9.3 and 10.3; table 9.3-2 for C-STORE)."""
        received, status = self.command.elements, response.status
        sop_class = received.get(command.AFFECTED_SOP_CLASS_UID) or received.get(command.REQUESTED_SOP_CLASS_UID)
        instance = received.get(command.AFFECTED_SOP_INSTANCE_UID) or received.get(command.REQUESTED_SOP_INSTANCE_UID)
        data_set_type = command.A_DATA_SET if response.identifier else command.NO_DATA_SET
        elements = [
            (command.COMMAND_FIELD, command.uint2(self.command.field | command.RESPONSE)),
            (command.MESSAGE_ID_RESPONDED_TO, command.uint2(self.command.message_id)),
            (command.DATA_SET_TYPE, command.uint2(data_set_type)),
            (command.STATUS, command.uint2(status.code)),
            *response.elements,
        ]
        if sop_class:
            elements.append((command.AFFECTED_SOP_CLASS_UID, command.padded(sop_class, b"\0")))
        if status.offending_element is not None:
            elements.append((command.OFFENDING_ELEMENT, command.uint2(0) + command.uint2(status.offending_element)))
        if status.comment:
            elements.append((command.ERROR_COMMENT, command.padded(status.error_comment, b" ")))
        if instance:
            elements.append((command.AFFECTED_SOP_INSTANCE_UID, command.padded(instance, b"\0")))
        return command.encode(sorted(elements))
