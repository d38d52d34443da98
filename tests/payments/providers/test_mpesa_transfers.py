"""Refunds, payouts and questions: what is sent, and what the first answer says."""

from decimal import Decimal

import pytest

from payments.exceptions import ProviderUnavailable, ProviderUnreachable
from payments.providers.base import TransferResult, Verdict
from payments.providers.mpesa import MpesaProvider
from payments.testing.network import Failure, Reply
from tests.payments.providers.mpesa_wire import (
    B2C,
    BALANCE,
    NO_PRODUCT,
    ORIGINATOR_ID,
    RECEIPT,
    RESULT_URL,
    REVERSAL,
    SETTINGS,
    SPIKE,
    STATUS,
    acknowledged,
    gateway_error,
    mpesa,
    payout_request,
    refund_request,
    result,
    scripted_network,
)

network = pytest.fixture(scripted_network)
provider = pytest.fixture(mpesa)

ADDRESSES = {"ResultURL": RESULT_URL, "QueueTimeOutURL": f"{RESULT_URL}timeout/"}
REFUND_REFERENCE = "refund-0197a1b2c3d4e5f6"
PAYOUT_REFERENCE = "payout-0197a1b2c3d4e5f6"
PART = {"is_whole": False, "amount": Decimal("500.00")}

PAYMENT = {
    "OriginatorConversationID": REFUND_REFERENCE,
    "InitiatorName": "shopapi",
    "SecurityCredential": "Q3JlZGVudGlhbA==",
    "CommandID": "BusinessPayment",
    "Amount": 500,
    "PartyA": "600992",
    "PartyB": "254712345678",
    "Remarks": "Refund 1000017",
    "Occassion": "1000017",
    **ADDRESSES,
}
QUESTION = {
    "Initiator": "shopapi",
    "SecurityCredential": "Q3JlZGVudGlhbA==",
    "CommandID": "TransactionStatusQuery",
    "PartyA": "600992",
    "IdentifierType": "4",
    "Remarks": "Status",
    "Occasion": "Status",
    **ADDRESSES,
}


@pytest.fixture
def without_initiator(network, settings):
    settings.MPESA = SETTINGS | {"INITIATOR_NAME": "", "SECURITY_CREDENTIAL": ""}
    return MpesaProvider()


# --- refunds


def test_whole_refund_is_a_reversal(provider, network):
    network.script({REVERSAL: acknowledged()})

    answer = provider.refund(refund_request())

    (sent,) = network.writes
    assert (sent.route, sent.json) == (
        REVERSAL,
        {
            "Initiator": "shopapi",
            "SecurityCredential": "Q3JlZGVudGlhbA==",
            "CommandID": "TransactionReversal",
            "TransactionID": RECEIPT,
            "Amount": 1500,
            "ReceiverParty": "600992",
            "RecieverIdentifierType": "11",
            "Remarks": "Refund 1000017",
            **ADDRESSES,
        },
    )
    assert answer == TransferResult(verdict=Verdict.IN_FLIGHT, provider_reference=ORIGINATOR_ID, route="reversal")


def test_part_of_a_receipt_is_paid_to_the_phone(provider, network):
    network.script({B2C: acknowledged(REFUND_REFERENCE)})

    answer = provider.refund(refund_request(**PART))

    (sent,) = network.writes
    assert (sent.route, sent.json) == (B2C, PAYMENT)
    assert answer == TransferResult(verdict=Verdict.IN_FLIGHT, provider_reference=REFUND_REFERENCE, route="b2c")


def test_refund_keeps_the_way_it_took(provider, network):
    network.script({B2C: acknowledged()})

    provider.refund(refund_request(route="b2c"))

    assert [sent.route for sent in network.writes] == [B2C]


def test_payment_without_a_receipt_cannot_be_reversed(provider, network):
    network.script({B2C: acknowledged()})

    provider.refund(refund_request(receipt_number=""))

    assert [sent.route for sent in network.writes] == [B2C]


def test_head_office_reverses_what_a_till_received(network, settings):
    settings.MPESA = SETTINGS | {"TILL_NUMBER": "5551234", "TRANSACTION_TYPE": "CustomerBuyGoodsOnline"}
    network.script({REVERSAL: acknowledged()})

    MpesaProvider().refund(refund_request())

    assert network.writes[0].json["ReceiverParty"] == "600992"


def test_shortcode_of_its_own_pays_out(network, settings):
    settings.MPESA = SETTINGS | {"B2C_SHORTCODE": "600111"}
    network.script({B2C: acknowledged(), STATUS: acknowledged()})
    provider = MpesaProvider()

    provider.refund(refund_request(**PART))
    provider.query_refund(refund_request(**PART))

    assert [sent.json["PartyA"] for sent in network.writes] == ["600111", "600111"]


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"amount": Decimal("1500.50")}, "M-PESA moves whole shillings only"),
        ({"currency": "USD"}, "M-PESA moves whole shillings only"),
        (PART | {"amount": Decimal(9)}, "M-PESA pays out KES 10 to 250,000 at once"),
        (PART | {"amount": Decimal(250_001)}, "M-PESA pays out KES 10 to 250,000 at once"),
        (PART | {"phone_number": ""}, "no Kenyan mobile number to pay to is known"),
        (PART | {"phone_number": "2547 ***** 126"}, "no Kenyan mobile number to pay to is known"),
    ],
)
def test_refund_that_mpesa_cannot_carry_is_left_to_a_person(provider, network, changes, detail):
    answer = provider.refund(refund_request(**changes))

    assert answer == TransferResult(verdict=Verdict.IN_FLIGHT, route="by_hand", needs_person=True, detail=detail)
    assert network.sent == []


def test_small_whole_refund_is_reversed(provider, network):
    network.script({REVERSAL: acknowledged()})

    assert provider.refund(refund_request(amount=Decimal(1))).route == "reversal"


def test_without_an_initiator_refunds_are_made_by_hand(without_initiator, network):
    by_hand = TransferResult(
        verdict=Verdict.IN_FLIGHT, route="by_hand", needs_person=True, detail="to be paid back by hand"
    )

    assert without_initiator.refund(refund_request()) == by_hand
    assert without_initiator.query_refund(refund_request()) == by_hand
    assert without_initiator.can_pay_out is False
    assert network.sent == []


def test_refund_that_a_person_has_stays_with_the_person(provider, network):
    """An initiator has been set since; the person may have paid it back already."""
    answers = [provider.refund(refund_request(route="by_hand")), provider.query_refund(refund_request(route="by_hand"))]

    assert [(answer.route, answer.needs_person) for answer in answers] == [("by_hand", True)] * 2
    assert network.sent == []


# --- payouts


def test_payout_is_a_payment_with_our_reference_as_its_key(provider, network):
    network.script({B2C: acknowledged(PAYOUT_REFERENCE)})

    answer = provider.pay_out(payout_request())

    (sent,) = network.writes
    assert (sent.route, sent.json) == (
        B2C,
        PAYMENT
        | {
            "OriginatorConversationID": PAYOUT_REFERENCE,
            "Amount": 1000,
            "Remarks": "November sales",
            "Occassion": PAYOUT_REFERENCE,
        },
    )
    assert provider.can_pay_out is True
    assert answer == TransferResult(verdict=Verdict.IN_FLIGHT, provider_reference=PAYOUT_REFERENCE, route="b2c")


def test_payout_that_mpesa_cannot_carry_is_left_to_a_person(provider, without_initiator, network):
    answers = [provider.pay_out(payout_request(amount=Decimal(9))), without_initiator.pay_out(payout_request())]

    assert [(answer.verdict, answer.needs_person) for answer in answers] == [(Verdict.IN_FLIGHT, True)] * 2
    assert network.sent == []


# --- first answers


def send_refund(provider, **changes):
    return provider.refund(refund_request(**changes))


def test_duplicate_says_that_the_first_one_was_received(provider, network):
    network.script({B2C: gateway_error(500, "500.002.1001", "Duplicate OriginatorConversationID.")})

    assert send_refund(provider, **PART) == TransferResult(
        verdict=Verdict.IN_FLIGHT,
        provider_reference=REFUND_REFERENCE,
        code="500.002.1001",
        detail="M-PESA has received this before",
        route="b2c",
    )


@pytest.mark.parametrize(
    ("answer", "code", "detail"),
    [
        (
            gateway_error(400, "400.002.02", "Bad Request - Invalid SecurityCredential"),
            "400.002.02",
            "400.002.02 Bad Request - Invalid SecurityCredential",
        ),
        (NO_PRODUCT, "", "Invalid API call as no apiproduct match found"),
        (Reply(200, {"ResponseCode": "1", "ResponseDescription": "Rejected"}), "", "1 Rejected"),
    ],
)
@pytest.mark.parametrize(("route", "changes"), [("reversal", {}), ("b2c", PART)])
def test_refused_refund_failed(provider, network, caplog, route, changes, answer, code, detail):
    network.script({REVERSAL: answer, B2C: answer})

    assert send_refund(provider, **changes) == TransferResult(
        verdict=Verdict.FAILED, code=code, detail=detail, route=route
    )
    assert len(network.writes) == 1
    assert "mpesa_transfer_refused" in [record.message for record in caplog.records]


@pytest.mark.parametrize("answer", [SPIKE, gateway_error(500, "500.003.02", "busy"), Failure.REFUSED])
def test_refund_that_was_not_received_may_be_sent_again(provider, network, answer):
    network.script({REVERSAL: answer})

    with pytest.raises(ProviderUnreachable):
        send_refund(provider)


@pytest.mark.parametrize(
    "answer",
    [
        gateway_error(500, "500.003.1001", "Internal Server Error"),
        gateway_error(500, "500.002.1001", "something else"),
        Reply(200, b""),
        Reply(200, {}),
        Reply(403, b"<html>"),
        Failure.SILENCE,
        Failure.CUT,
    ],
)
@pytest.mark.parametrize("changes", [{}, PART])
def test_any_other_answer_leaves_the_refund_unknown(provider, network, answer, changes):
    network.script({REVERSAL: answer, B2C: answer})

    with pytest.raises(ProviderUnavailable) as caught:
        send_refund(provider, **changes)

    assert not isinstance(caught.value, ProviderUnreachable)
    assert len(network.writes) == 1


# --- questions


def test_payment_is_asked_about_by_our_reference(provider, network):
    network.script({STATUS: acknowledged("9999-status")})

    answers = [
        provider.query_refund(refund_request(**PART, route="b2c", provider_reference=REFUND_REFERENCE)),
        provider.query_payout(payout_request()),
    ]

    assert [sent.json for sent in network.writes] == [
        QUESTION | {"OriginalConversationID": REFUND_REFERENCE},
        QUESTION | {"OriginalConversationID": PAYOUT_REFERENCE},
    ]
    assert answers == [
        TransferResult(verdict=Verdict.IN_FLIGHT, provider_reference=REFUND_REFERENCE, route="b2c"),
        TransferResult(verdict=Verdict.IN_FLIGHT, provider_reference=PAYOUT_REFERENCE, route="b2c"),
    ]


def test_reversal_is_asked_about_by_mpesas_reference(provider, network):
    network.script({STATUS: acknowledged("9999-status")})

    answer = provider.query_refund(refund_request(route="reversal", provider_reference=ORIGINATOR_ID))

    assert [sent.json for sent in network.writes] == [QUESTION | {"OriginalConversationID": ORIGINATOR_ID}]
    assert answer == TransferResult(verdict=Verdict.IN_FLIGHT, provider_reference=ORIGINATOR_ID, route="reversal")


def test_reversal_without_a_reference_cannot_be_asked_about(provider, network):
    assert provider.query_refund(refund_request()) == TransferResult(verdict=Verdict.NO_ANSWER, route="reversal")
    assert network.sent == []


def test_claimed_receipt_is_asked_about(provider, network):
    network.script({STATUS: acknowledged()})

    assert provider.ask_receipt(RECEIPT, RESULT_URL) is True

    assert [sent.json for sent in network.writes] == [QUESTION | {"TransactionID": RECEIPT}]


def test_balance_is_asked_for(provider, network):
    network.script({BALANCE: acknowledged()})

    assert provider.ask_balance(RESULT_URL) == ORIGINATOR_ID

    assert [sent.json for sent in network.writes] == [
        {
            "Initiator": "shopapi",
            "SecurityCredential": "Q3JlZGVudGlhbA==",
            "CommandID": "AccountBalance",
            "PartyA": "600992",
            "IdentifierType": "4",
            "Remarks": "Balance",
            **ADDRESSES,
        }
    ]


def test_without_an_initiator_nothing_is_asked(without_initiator, network):
    assert without_initiator.ask_receipt(RECEIPT, RESULT_URL) is False
    assert without_initiator.ask_balance(RESULT_URL) == ""
    assert without_initiator.query_payout(payout_request()).needs_person is True
    assert network.sent == []


@pytest.mark.parametrize(
    "answer",
    [
        gateway_error(400, "400.002.02", "Bad Request - Invalid Initiator"),
        gateway_error(500, "500.003.1001", "Internal Server Error"),
        Reply(200, {"ResponseCode": "1"}),
        Reply(200, b""),
        NO_PRODUCT,
        SPIKE,
        Failure.SILENCE,
    ],
)
def test_question_that_was_not_taken_is_no_answer(provider, network, answer):
    network.script({STATUS: answer})

    for ask in (
        lambda: provider.ask_receipt(RECEIPT, RESULT_URL),
        lambda: provider.query_payout(payout_request()),
        lambda: provider.query_refund(refund_request(**PART)),
    ):
        with pytest.raises(ProviderUnavailable):
            ask()


# --- a credential that M-PESA refuses


def refuse(provider, conversation_id, code=2001):
    provider.parse_result(
        result(code, description="The initiator information is invalid.", conversation_id=conversation_id),
        refund_request(provider_reference=ORIGINATOR_ID, route="reversal"),
    )


def calls(provider):
    return [
        lambda: provider.refund(refund_request()),
        lambda: provider.refund(refund_request(**PART)),
        lambda: provider.pay_out(payout_request()),
        lambda: provider.query_payout(payout_request()),
        lambda: provider.ask_receipt(RECEIPT, RESULT_URL),
        lambda: provider.ask_balance(RESULT_URL),
    ]


def test_credential_refused_twice_in_a_row_is_not_used_again(provider, network, caplog):
    refuse(provider, "AG_1")
    assert not provider.initiator.is_stopped
    refuse(provider, "AG_2")

    for call in calls(MpesaProvider()):
        with pytest.raises(ProviderUnreachable):
            call()

    assert network.sent == []
    alerts = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert (alerts.count("mpesa_initiator_refused"), alerts.count("mpesa_initiator_stopped")) == (2, 6)


@pytest.mark.parametrize("code", [18, 20, "2001"])
def test_one_refusal_told_twice_counts_once(provider, code):
    refuse(provider, "AG_1", code)
    refuse(provider, "AG_1", code)

    assert not provider.initiator.is_stopped


def test_locked_credential_is_not_used_again(provider):
    refuse(provider, "AG_1", 8006)

    assert provider.initiator.is_stopped


def test_result_in_between_starts_afresh(provider):
    refuse(provider, "AG_1")
    provider.read_balance_result(result(0, [{"Key": "AccountBalance", "Value": ""}]))
    refuse(provider, "AG_2")

    assert not provider.initiator.is_stopped


def test_late_result_does_not_free_a_stopped_credential(provider):
    refuse(provider, "AG_1")
    refuse(provider, "AG_2")
    provider.read_status_result(result(0, []))

    assert provider.initiator.is_stopped


def test_new_credential_is_used(provider, network, settings):
    refuse(provider, "AG_1")
    refuse(provider, "AG_2")
    settings.MPESA = SETTINGS | {"SECURITY_CREDENTIAL": "TmV3"}
    network.script({REVERSAL: acknowledged()})

    assert MpesaProvider().refund(refund_request()).verdict == Verdict.IN_FLIGHT


def test_person_may_let_it_be_tried_again(provider, network):
    refuse(provider, "AG_1")
    refuse(provider, "AG_2")
    network.script({REVERSAL: acknowledged()})

    provider.initiator.forget_refusals()

    assert provider.refund(refund_request()).verdict == Verdict.IN_FLIGHT


def test_wrong_pin_of_a_customer_is_no_matter_of_the_credential(provider):
    body = b'{"Body": {"stkCallback": {"ResultCode": 2001, "CheckoutRequestID": "ws_CO_%d"}}}'

    for number in range(3):
        provider.parse_callback(body % number)

    assert not provider.initiator.is_stopped
