"""One association as its acceptor sees it: the state machine of PS3.8 9.2, without input and output."""

import logging
from collections.abc import Callable
from enum import Enum

from dimse import command as commands
from dimse import pdu_protocol as pdus
from dimse.association_pdus import AssociationRequest, decode_request, encode_accept
from dimse.command import Command
from dimse.exchange import Dialogue
from dimse.messages import Message, MessageAssembler
from dimse.negotiation import Rejection, accepted_contexts, answer_contexts, answer_extended, answer_roles
from dimse.pdu_protocol import Pdu, ProtocolViolation
from dimse.policy import Policy
from dimse.services.dispatch import Services
from dimse.services.operation import Answered, Context, Operation, Request, Response
from dimse.settings import DimseSettings, Peer
from dimse.status import SUCCESS
from storage.data_set.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

_log = logging.getLogger("durchblick.dimse")


class State(Enum):
    """The states of PS3.8 table 9-5 that an acceptor rests in; the others pass within one call."""

    IDLE = "Sta1"
    AWAITING_REQUEST = "Sta2"
    DECIDING = "Sta3"
    ESTABLISHED = "Sta6"
    AWAITING_CLOSE = "Sta13"


class Association:
    """Takes PDUs and says what to send. `establish` asks for a place among the associations (None: granted).

    A request for an association is judged elsewhere, because that may block; `negotiate` gets the verdict.
    `performing` is the request that is being performed now; the peer may cancel it.
    """

    def __init__(
        self,
        settings: DimseSettings,
        services: Services,
        address: str,
        dialogue: Dialogue,
        establish: Callable[[Peer], Rejection | None],
    ) -> None:
        self.state = State.AWAITING_REQUEST
        self.performing: Message | None = None
        self._settings = settings
        self._services = services
        self._address = address
        self._dialogue = dialogue
        self._establish = establish
        self._messages = MessageAssembler({}, 0, self._begin)
        self._calling_ae_title = ""
        self._called_ae_title = ""
        self._policy: Policy | None = None
        self._succeeded = 0
        self._refused = 0

    @property
    def is_established(self) -> bool:
        """Whether messages may come."""
        return self.state is State.ESTABLISHED

    @property
    def is_receiving(self) -> bool:
        """Whether a message has begun and is not complete."""
        return self._messages.is_receiving

    def receive(self, pdu: Pdu) -> bytes | Message | AssociationRequest:
        """Act on a PDU that may come in this state: what to send at once, or a request to perform or judge.

        Raises `ProtocolViolation`, which `violated` answers.
        """
        if pdu.kind == pdus.P_DATA:
            return self._receive_data(pdu.body)
        if pdu.kind == pdus.ASSOCIATE_RQ:
            request = decode_request(bytes(pdu.body))
            self.state = State.DECIDING
            return request
        if pdu.kind == pdus.RELEASE_RQ:
            self._end(State.AWAITING_CLOSE, "released")
            return pdus.encode_release_reply()
        self._end(State.IDLE, "aborted_by_peer")
        return b""

    def negotiate(self, request: AssociationRequest, verdict: Peer | Rejection) -> bytes:
        """The answer to the request, after `Admission.admit`: accepted with its contexts, or rejected."""
        if isinstance(verdict, Rejection):
            return self._reject(request, verdict)
        rejection = self._establish(verdict)
        if rejection is not None:
            return self._reject(request, rejection)
        return self._accept(request, Policy(verdict))

    def flush(self) -> None:
        """The memory of the PDUs that came is about to be used again."""
        self._messages.flush()

    def answer(self, message: Message, response: Response) -> bytes:
        """The PDUs of the last response to `message`."""
        status = response.status
        if status.is_failure:
            self._refused += 1
            _log.warning(
                "refused calling=%r host=%s status=%04XH comment=%r",
                self._calling_ae_title,
                self._address,
                status.code,
                status.comment,
            )
        else:
            self._succeeded += 1
        return message.encode(response, self._dialogue.longest_pdu)

    def violated(self, violation: ProtocolViolation) -> bytes:
        """The A-ABORT that answers a breach of the protocol (actions AA-1 and AA-8 of PS3.8 table 9-9)."""
        established = self.state is State.ESTABLISHED
        self._end(State.AWAITING_CLOSE, "protocol_violated", violation.detail)
        if established:
            return pdus.encode_abort(pdus.SERVICE_PROVIDER, violation.reason)
        return pdus.encode_abort(pdus.SERVICE_USER)

    def abort(self, why: str) -> bytes:
        """The A-ABORT with which we give up an established association."""
        self._end(State.AWAITING_CLOSE, "aborted", why)
        return pdus.encode_abort(pdus.SERVICE_PROVIDER)

    def lost(self, why: str) -> None:
        """There is no connection any more."""
        if self.state is not State.IDLE:
            self._end(State.IDLE, "connection_lost", why)

    def _receive_data(self, body: memoryview) -> bytes | Message:
        request: Message | None = None
        for value in pdus.data_values(body):
            if request is not None:
                raise ProtocolViolation("a message began before the answer to the last one", pdus.UNEXPECTED_PARAMETER)
            message = self._messages.add(value)
            if message is not None and message.command.is_request:
                request = message
            elif message is not None:
                self._hear(message.command)
        return b"" if request is None else request

    def _hear(self, command: Command) -> None:
        """Take a response to a request of ours, or a cancel request; one that comes too late changes nothing."""
        if command.field != commands.C_CANCEL_RQ:
            if not self._dialogue.answered(command):
                raise ProtocolViolation("a response belongs to nothing we asked", pdus.UNEXPECTED_PARAMETER)
        elif self.performing and self.performing.command.message_id == command.number(commands.MESSAGE_ID_RESPONDED_TO):
            self.performing.is_cancelled = True

    def _begin(self, context: Context, command: Command) -> Operation:
        if not command.is_request:
            return Answered(SUCCESS)
        request = Request(context, command, self._calling_ae_title, self._address, self._called_ae_title)
        objection = self._policy.objection(request) if self._policy else None
        return self._services.begin(request) if objection is None else Answered(objection)

    def _accept(self, request: AssociationRequest, policy: Policy) -> bytes:
        self._policy = policy
        roles = answer_roles(request.roles, policy)
        answered = answer_contexts(request.contexts, roles, self._services.takes, policy)
        extended = answer_extended(request.extended)
        accepted = accepted_contexts(answered, roles, extended)
        self._messages = MessageAssembler(accepted, self._settings.largest_data_set, self._begin)
        self._calling_ae_title = request.calling_ae_title
        self._called_ae_title = request.called_ae_title
        self._dialogue.contexts, self._dialogue.longest_pdu = accepted, request.longest_pdu
        self.state = State.ESTABLISHED
        _log.info(
            "associated calling=%r host=%s contexts=%d accepted=%d implementation=%r",
            request.calling_ae_title,
            self._address,
            len(answered),
            len(accepted),
            request.implementation,
        )
        return encode_accept(
            request,
            answered,
            roles=roles,
            extended=extended,
            longest_pdu=self._settings.longest_pdu,
            implementation_class_uid=IMPLEMENTATION_CLASS_UID,
            implementation_version=IMPLEMENTATION_VERSION_NAME,
        )

    def _reject(self, request: AssociationRequest, rejection: Rejection) -> bytes:
        self.state = State.AWAITING_CLOSE
        _log.warning(
            "rejected calling=%r called=%r host=%s why=%r mend=%r",
            request.calling_ae_title,
            request.called_ae_title,
            self._address,
            rejection.why,
            rejection.mend,
        )
        return pdus.encode_reject(rejection.result, rejection.source, rejection.reason)

    def _end(self, state: State, event: str, why: str = "") -> None:
        self._messages.abandon()
        self._dialogue.lost()
        # The peer closing after a release, or never asking anything, is no news.
        level = logging.DEBUG if event == "connection_lost" and self.state is not State.ESTABLISHED else logging.INFO
        self.state = state
        _log.log(
            level,
            "%s calling=%r host=%s succeeded=%d refused=%d why=%r",
            event,
            self._calling_ae_title,
            self._address,
            self._succeeded,
            self._refused,
            why,
        )
