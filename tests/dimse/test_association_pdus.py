import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom.pdu import A_ASSOCIATE_AC
from pynetdicom.pdu_items import UserIdentitySubItemAC
from pynetdicom.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    ImplementationVersionNameNotification,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)

from dimse.association_pdus import (
    AnsweredContext,
    AssociationRequest,
    Extended,
    Role,
    decode_request,
    encode_accept,
)
from dimse.pdu_protocol import ProtocolViolation
from tests.dimse.peer import CT, EXPLICIT, IMPLICIT, VERIFICATION, associate_rq


def decoded(encoded: bytes) -> AssociationRequest:
    return decode_request(encoded[6:])


def accepted(request: AssociationRequest, contexts: list[AnsweredContext]) -> bytes:
    return encode_accept(
        request,
        contexts,
        roles=request.roles,
        longest_pdu=131072,
        implementation_class_uid="1.2.3",
        implementation_version="V",
    )


def full_user_information() -> list[Any]:
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = "SENDER_1"
    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked, window.maximum_number_operations_performed = 5, 5
    role = SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid, role.scu_role, role.scp_role = CT, True, True
    extended = SOPClassExtendedNegotiation()
    extended.sop_class_uid, extended.service_class_application_information = CT, b"\2\0\1\0\1\0"
    common = SOPClassCommonExtendedNegotiation()
    common.sop_class_uid, common.service_class_uid = CT, "1.2.840.10008.4.2"
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.primary_field, identity.positive_response_requested = 1, b"device", True
    return [version, window, role, extended, common, identity]


def test_request_as_pynetdicom_encodes_it() -> None:
    contexts = ((1, VERIFICATION, (IMPLICIT,)), (3, CT, (EXPLICIT, IMPLICIT)))
    request = decoded(associate_rq(contexts, "CALLED", "CALLING", 4242, full_user_information()))
    assert request.called_ae_title == "CALLED" and request.calling_ae_title == "CALLING"
    assert [(c.id, c.abstract_syntax, c.transfer_syntaxes) for c in request.contexts] == list(contexts)
    assert request.longest_pdu == 4242
    assert request.roles == (Role(CT, scu=True, scp=True),)
    assert request.implementation == "SENDER_1"
    assert request.protocol_version == 1 and request.application_context == "1.2.840.10008.3.1.1.1"


def test_128_contexts() -> None:
    contexts = tuple((number, f"1.2.{number}", (EXPLICIT, IMPLICIT)) for number in range(1, 256, 2))
    assert [context.id for context in decoded(associate_rq(contexts)).contexts] == list(range(1, 256, 2))


def test_golden_bytes_of_the_answer() -> None:
    request = decoded(associate_rq(called="A", calling="B"))
    contexts = [AnsweredContext(1, 0, VERIFICATION, IMPLICIT), AnsweredContext(3, 3, CT, EXPLICIT)]
    assert accepted(request, contexts) == (
        b"\x02\x00\x00\x00\x00\xb3\x00\x01\x00\x00"
        + b"A               B               "
        + bytes(32)
        + b"\x10\x00\x00\x151.2.840.10008.3.1.1.1"
        + b"\x21\x00\x00\x19\x01\x00\x00\x00\x40\x00\x00\x111.2.840.10008.1.2"
        + b"\x21\x00\x00\x1b\x03\x00\x03\x00\x40\x00\x00\x131.2.840.10008.1.2.1"
        + b"\x50\x00\x00\x16\x51\x00\x00\x04\x00\x02\x00\x00\x52\x00\x00\x051.2.3\x55\x00\x00\x01V"
    )


def test_pynetdicom_reads_the_answer() -> None:
    request = decoded(associate_rq(user=full_user_information()))
    answer = A_ASSOCIATE_AC()
    answer.decode(accepted(request, [AnsweredContext(3, 0, CT, EXPLICIT)]))
    assert [(c.context_id, c.result, c.transfer_syntax) for c in answer.presentation_context] == [(3, 0, EXPLICIT)]
    user = answer.user_information
    assert user is not None
    assert user.maximum_length == 131072
    assert [(role.sop_class_uid, role.scu_role, role.scp_role) for role in user.role_selection.values()] == [(CT, 1, 1)]
    assert isinstance(user.user_identity, UserIdentitySubItemAC), "a positive response was requested (PS3.7 D.3.3.7)"
    assert user.user_identity.server_response == b""
    assert user.async_ops_window is not None, "one operation at a time, each way (PS3.7 D.3.3.3)"
    window = user.async_ops_window
    assert (window.maximum_number_operations_invoked, window.maximum_number_operations_performed) == (1, 1)
    assert user.ext_neg == []


def test_what_was_not_proposed_is_not_answered() -> None:
    answer = A_ASSOCIATE_AC()
    answer.decode(accepted(decoded(associate_rq()), [AnsweredContext(3, 0, CT, EXPLICIT)]))
    user = answer.user_information
    assert user is not None
    assert (user.user_identity, user.async_ops_window, user.ext_neg, user.role_selection) == (None, None, [], {})


@pytest.mark.parametrize(("kind", "wanted", "answered"), [(1, True, True), (1, False, False), (3, True, False)])
def test_only_identities_that_need_no_ticket_are_answered(kind: int, wanted: bool, answered: bool) -> None:
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.primary_field = kind, b"device"
    identity.positive_response_requested = wanted
    assert decoded(associate_rq(user=[identity])).wants_identity_answer is answered


def test_extended_negotiation_both_ways() -> None:
    request = decoded(associate_rq(user=full_user_information()))
    assert request.extended == (Extended(CT, b"\2\0\1\0\1\0"),)
    answer = A_ASSOCIATE_AC()
    answer.decode(
        encode_accept(
            request,
            [AnsweredContext(3, 0, CT, EXPLICIT)],
            extended=[Extended(CT, b"\1")],
            longest_pdu=0,
            implementation_class_uid="1.2.3",
            implementation_version="V",
        )
    )
    assert answer.user_information is not None
    assert [(one.uid, one.app_info) for one in answer.user_information.ext_neg] == [(CT, b"\1")]


def with_item(encoded: bytes, item: bytes) -> bytes:
    return encoded[:74] + item + encoded[74:]


def test_unknown_items_are_skipped() -> None:
    encoded = associate_rq()
    plain = decoded(encoded)
    assert decoded(with_item(encoded, b"\x7e\x00\x00\x03abc")) == plain
    # The user information item is the last one: lengthen it by a sub-item of an unknown kind.
    at = encoded.rindex(b"\x50\x00\x00", 0, encoded.rindex(b"\x51\x00\x00\x04"))
    (length,) = struct.unpack_from(">H", encoded, at + 2)
    longer = encoded[: at + 2] + struct.pack(">H", length + 6) + encoded[at + 4 :] + b"\x5f\x00\x00\x02ab"
    assert decoded(longer) == plain


def test_missing_user_information_means_no_limit() -> None:
    encoded = associate_rq()
    assert decoded(encoded[: encoded.rindex(b"\x50\x00\x00", 0, encoded.rindex(b"\x51\x00\x00\x04"))]).longest_pdu == 0


MALFORMED = {
    "too short": associate_rq()[:60],
    "no context": associate_rq(contexts=()),
    "item beyond the end": associate_rq() + b"\x20\x00\xff\xff",
    "item header cut": associate_rq() + b"\x20\x00",
    "context cut": with_item(associate_rq(), b"\x20\x00\x00\x02\x01\x00"),
    "even context id": with_item(associate_rq(), b"\x20\x00\x00\x04\x02\x00\x00\x00"),
    "context id twice": with_item(associate_rq(), b"\x20\x00\x00\x04\x01\x00\x00\x00"),
    "maximum length of 6": associate_rq(longest_pdu=6),
    "maximum length of two bytes": with_item(associate_rq(), b"\x50\x00\x00\x06\x51\x00\x00\x02\x00\x01"),
    "role cut": with_item(associate_rq(), b"\x50\x00\x00\x05\x54\x00\x00\x01\x00"),
}


@pytest.mark.parametrize("encoded", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed(encoded: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        decoded(encoded)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damaged_requests_are_decoded_or_refused(data: st.DataObject) -> None:
    encoded = bytearray(associate_rq(user=full_user_information()))
    for _ in range(data.draw(st.integers(1, 4))):
        encoded[data.draw(st.integers(6, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    try:
        request = decode_request(bytes(encoded[6:]))
    except ProtocolViolation:
        return
    assert accepted(request, [AnsweredContext(c.id, 3, c.abstract_syntax, IMPLICIT) for c in request.contexts])
