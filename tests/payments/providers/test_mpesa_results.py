"""Results: what M-Pesa posts later, with all its traps."""

from datetime import datetime
from decimal import Decimal

import pytest

from payments.exceptions import UnreadableEvent
from payments.providers.base import TransferResult, Verdict
from payments.providers.mpesa import AccountBalance, StatusResult
from payments.providers.mpesa.reading import NAIROBI
from tests.payments.providers.mpesa_wire import (
    ORIGINATOR_ID,
    RECEIPT,
    mpesa,
    pairs,
    payout_request,
    refund_request,
    result,
    scripted_network,
    status_parameters,
)

network = pytest.fixture(scripted_network)
provider = pytest.fixture(mpesa)

REFUND_REFERENCE = "refund-0197a1b2c3d4e5f6"
PAYOUT_REFERENCE = "payout-0197a1b2c3d4e5f6"
REVERSED = pairs(
    ("DebitAccountBalance", "Utility Account|KES|7722179.62|7722179.62|0.00|0.00"),
    ("Amount", 1500),
    ("TransCompletedTime", 20261121104531),
    ("OriginalTransactionID", RECEIPT),
    ("Charge", 0),
    ("CreditPartyPublicName", "254712345678 - JANE DOE"),
    ("DebitPartyPublicName", "600992 - BYTEMTAANI"),
)
PAID_OUT = pairs(
    ("TransactionAmount", 1000),
    ("TransactionReceipt", "UKL6XY34ZW"),
    ("ReceiverPartyPublicName", "254712345678 - JANE DOE"),
    ("TransactionCompletedDateTime", "21.11.2026 10:45:31"),
    ("B2CUtilityAccountAvailableFunds", "10116.00"),
    ("B2CRecipientIsRegisteredCustomer", "Y"),
)


def reversal(**changes):
    return refund_request(route="reversal", provider_reference=ORIGINATOR_ID, **changes)


# --- the end of a transfer


def test_reversal_that_is_done(provider):
    assert provider.parse_result(result(0, REVERSED), reversal()) == TransferResult(
        verdict=Verdict.SUCCEEDED,
        provider_reference=ORIGINATOR_ID,
        receipt_number="UKL6XY34ZW",
        code="0",
        detail="The service request is processed successfully.",
        amount=Decimal(1500),
        currency="KES",
        route="reversal",
    )


@pytest.mark.parametrize(
    ("request_", "amount"),
    [
        (payout_request(), Decimal(1000)),
        (refund_request(is_whole=False, route="b2c"), Decimal(1000)),
        # Faster than the acknowledgement that would have named the way.
        (refund_request(is_whole=False), Decimal(1000)),
    ],
)
def test_payment_that_is_done(provider, request_, amount):
    body = result(0, PAID_OUT, originator_id=request_.reference, transaction_id="UKL6XY34ZW")

    assert provider.parse_result(body, request_) == TransferResult(
        verdict=Verdict.SUCCEEDED,
        provider_reference=request_.reference,
        receipt_number="UKL6XY34ZW",
        code="0",
        detail="The service request is processed successfully.",
        amount=amount,
        currency="KES",
        route="b2c",
    )


@pytest.mark.parametrize("code", ["R000001"])
def test_already_reversed_is_done(provider, code):
    body = result(code, description="The transaction has already been reversed.", transaction_id="SKE0000000")

    assert provider.parse_result(body, reversal()) == TransferResult(
        verdict=Verdict.SUCCEEDED,
        provider_reference=ORIGINATOR_ID,
        code=code,
        detail="The transaction has already been reversed.",
        route="reversal",
    )


@pytest.mark.parametrize("code", [1, 2, 3, 4, 8, 11, 21, 2001, 2006, 2028, 2040, 8006, "R000002", "SFC_IC0003", "1"])
def test_failure_is_final_and_its_dummy_receipt_is_none(provider, code):
    body = result(code, description="prose", transaction_id="SKE0000000")

    told = provider.parse_result(body, reversal())

    assert (told.verdict, told.code, told.receipt_number, told.amount) == (Verdict.FAILED, str(code), "", None)
    assert told.detail not in ("", "prose")


@pytest.mark.parametrize("code", [15, 17, 26, 4242, 100000001, "SFC_IC9999", "", None, True, "0 ", [], {}])
def test_code_that_is_not_known_to_be_final_decides_nothing(provider, code):
    told = provider.parse_result(result(code), reversal())

    assert (told.verdict, told.route) == (Verdict.NO_ANSWER, "reversal")


def test_own_faults_are_alerts(provider, caplog):
    provider.parse_result(result(1), reversal())
    provider.parse_result(result(4), reversal())

    assert [record.message for record in caplog.records] == ["mpesa_result_own_fault"]


@pytest.mark.parametrize("result_type", [1, "1"])
def test_more_will_come(provider, result_type):
    told = provider.parse_result(result(0, REVERSED, result_type=result_type), reversal())

    assert (told.verdict, told.receipt_number) == (Verdict.IN_FLIGHT, "")


@pytest.mark.parametrize("code", [1, 2001, 2033, "R000002"])
@pytest.mark.parametrize("request_", [reversal(), refund_request(is_whole=False, route="b2c"), payout_request()])
def test_question_that_failed_fails_no_transfer(provider, request_, code):
    """It comes to the same address, and in a failure only its id tells it from the transfer's own result."""
    told = provider.parse_result(result(code, originator_id="9999-status"), request_)

    assert told.verdict == Verdict.NO_ANSWER


def test_success_without_a_word_of_the_transfer_is_none(provider):
    told = provider.parse_result(result(0, originator_id="9999-status"), reversal())

    assert told.verdict == Verdict.NO_ANSWER


def test_success_of_our_own_conversation_needs_no_parameters(provider):
    told = provider.parse_result(result(0), reversal())

    assert (told.verdict, told.receipt_number, told.amount, told.currency) == (
        Verdict.SUCCEEDED,
        "UKL6XY34ZW",
        None,
        "",
    )


def test_reversal_whose_acknowledgement_was_lost_is_told_by_its_address(provider):
    lost = refund_request()

    assert provider.parse_result(result("R000002"), lost).verdict == Verdict.FAILED
    done = provider.parse_result(result(0, REVERSED), lost)
    assert (done.verdict, done.provider_reference, done.route) == (Verdict.SUCCEEDED, ORIGINATOR_ID, "reversal")


# --- answers about a transfer


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("Completed", Verdict.SUCCEEDED),
        ("Cancelled", Verdict.FAILED),
        ("Declined", Verdict.FAILED),
        ("Expired", Verdict.FAILED),
        ("Initiated", Verdict.IN_FLIGHT),
        ("Authorized", Verdict.IN_FLIGHT),
        ("Pending Authorized", Verdict.IN_FLIGHT),
        ("Reversed", Verdict.NO_ANSWER),
        ("Something", Verdict.NO_ANSWER),
    ],
)
def test_status_tells_the_fate_of_a_transfer(provider, status, verdict):
    body = result(0, status_parameters(status, ReceiptNo="UKL6XY34ZW"), originator_id="9999-status")

    told = provider.parse_result(body, reversal())

    assert (told.verdict, told.provider_reference, told.route) == (verdict, ORIGINATOR_ID, "reversal")
    done = verdict == Verdict.SUCCEEDED
    assert (told.receipt_number, told.amount) == (("UKL6XY34ZW", Decimal(1500)) if done else ("", None))


def test_status_of_another_transaction_decides_nothing(provider):
    body = result(0, status_parameters(OriginatorConversationID="another"), originator_id="9999-status")

    assert provider.parse_result(body, reversal()).verdict == Verdict.NO_ANSWER


# --- answers about a receipt


def test_status_of_a_receipt_is_read_whole(provider):
    assert provider.read_status_result(result(0, status_parameters())) == StatusResult(
        verdict=Verdict.SUCCEEDED,
        status="Completed",
        receipt_number=RECEIPT,
        amount=Decimal(1500),
        currency="KES",
        at=datetime(2026, 11, 21, 10, 45, 31, tzinfo=NAIROBI),
        debit_party="254712345678 - JANE DOE",
        credit_party="600992 - BYTEMTAANI",
        paid_to_us=True,
        originator_id=ORIGINATOR_ID,
        code="0",
        detail="The service request is processed successfully.",
    )


@pytest.mark.parametrize("party", ["600993 - ANOTHER SHOP", "6009921 - X", "254712345678 - JANE DOE", "", None])
def test_receipt_of_another_shop_was_not_paid_to_us(provider, party):
    told = provider.read_status_result(result(0, status_parameters(CreditPartyName=party)))

    assert (told.verdict, told.paid_to_us) == (Verdict.SUCCEEDED, False)


@pytest.mark.parametrize(
    ("code", "parameters"), [(2033, None), (2001, None), (0, None), (0, []), (0, [{"Key": "TransactionStatus"}])]
)
def test_question_that_failed_says_nothing_of_the_receipt(provider, code, parameters):
    told = provider.read_status_result(result(code, parameters, description="why"))

    assert told == StatusResult(verdict=Verdict.NO_ANSWER, code=str(code), detail="why")


# --- the traps of the form


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (1500, Decimal(1500)),
        ("1500.00", Decimal("1500.00")),
        ("{Amount={CurrencyCode=KES, MinimumAmount=150000, BasicAmount=1500.00}}", Decimal("1500.00")),
        ("KES 1500", None),
        (True, None),
        ([1500], None),
    ],
)
def test_amount_is_read_in_every_spelling(provider, value, amount):
    assert provider.read_status_result(result(0, status_parameters(Amount=value))).amount == amount


@pytest.mark.parametrize("value", [20261121104531, "20261121104531", "21.11.2026 10:45:31"])
def test_time_is_read_in_every_spelling(provider, value):
    told = provider.read_status_result(result(0, status_parameters(FinalisedTime=value)))

    assert told.at == datetime(2026, 11, 21, 10, 45, 31, tzinfo=NAIROBI)


def test_single_parameter_may_stand_without_a_list(provider):
    told = provider.read_status_result(result(0, {"Key": "TransactionStatus", "Value": "Completed"}))

    assert (told.verdict, told.amount, told.receipt_number) == (Verdict.SUCCEEDED, None, "")


@pytest.mark.parametrize("parameters", ["odd", 1, [None, "odd", {}, {"Value": 1}, {"Key": None, "Value": 2}]])
def test_odd_parameters_break_nothing(provider, parameters):
    assert provider.read_status_result(result(0, parameters)).verdict == Verdict.NO_ANSWER


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"Result": []}', b'{"Result": {}}', b'{"Result": "0"}', b"\xff", b"[" * 100_000]
)
def test_result_of_no_known_shape_is_unreadable(provider, body):
    for read in (
        lambda: provider.parse_result(body, payout_request()),
        lambda: provider.read_status_result(body),
        lambda: provider.read_balance_result(body),
    ):
        with pytest.raises(UnreadableEvent):
            read()


def test_texts_fit_their_columns(provider):
    told = provider.parse_result(result("9" * 99, originator_id="o\x00" * 200, description="d" * 999), refund_request())

    assert (len(told.code), len(told.provider_reference), len(told.detail)) == (40, 100, 300)
    assert "\x00" not in told.provider_reference


# --- the balance


def test_balance_is_read_by_account(provider):
    told = (
        "Working Account|KES|700000.00|699000.00|0.00|0.00&Utility Account|KES|228037.00|228037.00|0.00|0.00"
        "&Charges Paid Account|KES|-1540.00|-1540.00|0.00|0.00"
    )

    answer, accounts = provider.read_balance_result(
        result(0, pairs(("AccountBalance", told), ("BOCompletedTime", 20261121104531)))
    )

    assert answer.code == "0"
    assert accounts == (
        AccountBalance("Working Account", "KES", Decimal("700000.00"), Decimal("699000.00")),
        AccountBalance("Utility Account", "KES", Decimal("228037.00"), Decimal("228037.00")),
        AccountBalance("Charges Paid Account", "KES", Decimal("-1540.00"), Decimal("-1540.00")),
    )


@pytest.mark.parametrize("value", ["", "&", "Working Account", "Working Account|KES", "A|KES|much", None, 7])
def test_odd_balance_has_no_accounts(provider, value):
    answer, accounts = provider.read_balance_result(result(0, [{"Key": "AccountBalance", "Value": value}]))

    assert (answer.code, accounts) == ("0", ())
