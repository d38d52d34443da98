from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ecommerce import outgoing
from payments.exceptions import ProviderUnavailable, ProviderUnreachable
from payments.providers.base import RefundRequest, StatementEntry, TransferResult, Verdict
from payments.providers.stripe import StripeProvider
from payments.testing.network import Failure, Network, Reply
from tests.payments.providers import stripe_wire as wire

LIST, CREATE, SHOW = "GET /v1/refunds", "POST /v1/refunds", f"GET /v1/refunds/{wire.REFUND}"
MOVEMENTS = "GET /v1/balance_transactions"
SINCE, UNTIL = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture(autouse=True)
def configured(settings: Any) -> None:
    wire.configure(settings)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network()
    network.install(monkeypatch)
    network.script({LIST: wire.listed()})
    outgoing.reset_breakers()
    return network


def request(**changes: Any) -> RefundRequest:
    known: dict[str, Any] = {
        "reference": wire.REFUND_REFERENCE,
        "amount": Decimal("500.00"),
        "currency": "KES",
        "is_whole": False,
        "reason": "seems to be a fraud",
        "order_number": "BM-1001",
        "receipt_number": wire.INTENT,
        "payment_reference": wire.REFERENCE,
        "payment_provider_reference": wire.SESSION,
        "phone_number": "",
        "result_url": "https://shop.test/api/payments/result/secret/",
    }
    return RefundRequest(**known | changes)


@pytest.mark.parametrize("is_whole", [True, False])
def test_refund_names_its_amount_and_carries_our_key(network, is_whole):
    network.script({CREATE: Reply(200, wire.refund(amount=50000, status="pending", pending_reason="processing"))})

    result = StripeProvider().refund(request(is_whole=is_whole))

    look, made = network.sent
    assert look.query == {"payment_intent": wire.INTENT, "limit": "100"}
    assert made.form == {
        "payment_intent": wire.INTENT,
        "amount": "50000",
        "reason": "requested_by_customer",
        "metadata[reference]": wire.REFUND_REFERENCE,
        "metadata[order]": "BM-1001",
    }
    assert made.headers["idempotency-key"] == f"refund:{wire.REFUND_REFERENCE}"
    assert result == TransferResult(
        verdict=Verdict.IN_FLIGHT,
        provider_reference=wire.REFUND,
        receipt_number=wire.REFUND,
        code="processing",
        amount=Decimal("500.00"),
        currency="KES",
    )


def test_refund_of_money_without_an_intent_names_its_charge(network):
    network.script({CREATE: Reply(200, wire.refund(payment_intent=None))})

    result = StripeProvider().refund(request(receipt_number="ch_1Abc"))

    assert result.verdict == Verdict.SUCCEEDED
    assert (network.sent[0].query["charge"], network.sent[1].form["charge"]) == ("ch_1Abc", "ch_1Abc")


def test_refund_that_stripe_has_is_not_made_again_when_the_key_is_forgotten(network):
    network.script({LIST: wire.listed(wire.refund(id="re_other", metadata={}), wire.refund(amount=50000))})

    result = StripeProvider().refund(request())

    assert (result.verdict, result.provider_reference) == (Verdict.SUCCEEDED, wire.REFUND)
    assert network.writes == []


def test_refund_is_not_made_before_it_was_looked_for(network):
    network.script({LIST: Failure.SILENCE, CREATE: Reply(200, wire.refund())})

    with pytest.raises(ProviderUnavailable):
        StripeProvider().refund(request())

    assert network.writes == []


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("pending", Verdict.IN_FLIGHT),
        ("requires_action", Verdict.IN_FLIGHT),
        ("succeeded", Verdict.SUCCEEDED),
        ("failed", Verdict.FAILED),
        ("canceled", Verdict.FAILED),
        ("odd", Verdict.NO_ANSWER),
    ],
)
def test_status_of_a_refund_decides(network, status, verdict):
    network.script({SHOW: Reply(200, wire.refund(status=status))})

    assert StripeProvider().query_refund(request(provider_reference=wire.REFUND)).verdict == verdict


def test_refund_that_turns_failed_later_says_why(network):
    failed = wire.refund(status="failed", failure_reason="lost_or_stolen_card")
    network.script({SHOW: [Reply(200, wire.refund()), Reply(200, failed)]})
    provider, known = StripeProvider(), request(provider_reference=wire.REFUND)

    first, later = provider.query_refund(known), provider.query_refund(known)

    assert (first.verdict, later.verdict, later.code) == (Verdict.SUCCEEDED, Verdict.FAILED, "lost_or_stolen_card")


@pytest.mark.parametrize("code", ["charge_already_refunded", "charge_disputed", "amount_too_large"])
def test_refused_refund_has_failed(network, code):
    network.script({CREATE: wire.error(400, code)})

    result = StripeProvider().refund(request())

    assert (result.verdict, result.code, result.detail) == (Verdict.FAILED, code, "It was not possible.")


@pytest.mark.parametrize("status", [401, 403])
def test_refund_that_our_key_may_not_make_is_kept_for_later(network, status):
    network.script({CREATE: wire.error(status, "")})

    with pytest.raises(ProviderUnreachable):
        StripeProvider().refund(request())


@pytest.mark.parametrize(
    "answer",
    [
        wire.error(409, "idempotency_key_in_use"),
        wire.error(429, "rate_limit"),
        wire.error(500, "", "api_error"),
        wire.error(400, "", "idempotency_error"),
        Reply(200, wire.refund(payment_intent="pi_other", charge="ch_other")),
    ],
)
def test_fate_of_a_refund_may_be_unknown(network, answer):
    network.script({CREATE: answer})

    with pytest.raises(ProviderUnavailable) as error:
        StripeProvider().refund(request())

    assert not isinstance(error.value, ProviderUnreachable)


def test_refund_of_a_part_of_a_unit_is_not_sent(network):
    result = StripeProvider().refund(request(amount=Decimal("0.50"), currency="JPY"))

    assert (result.verdict, result.code, network.writes) == (Verdict.FAILED, "amount_not_payable", [])


def test_refund_without_a_known_id_is_found_by_our_reference(network):
    network.script(
        {LIST: [wire.listed(wire.refund(id="re_2", metadata={}), has_more=True), wire.listed(wire.refund())]}
    )

    result = StripeProvider().query_refund(request())

    assert (result.verdict, result.provider_reference) == (Verdict.SUCCEEDED, wire.REFUND)
    assert network.sent[1].query["starting_after"] == "re_2"


def test_refund_that_is_not_listed_never_arrived(network):
    assert StripeProvider().query_refund(request()).verdict == Verdict.NEVER_SEEN


def test_refund_that_stripe_does_not_know_by_its_id_is_undecided(network):
    network.script({SHOW: wire.error(404, "resource_missing")})

    result = StripeProvider().query_refund(request(provider_reference=wire.REFUND))

    assert (result.verdict, result.code) == (Verdict.NO_ANSWER, "resource_missing")


# --- movements


def movement(kind: str, source: Any, **changes: Any) -> dict[str, Any]:
    return {
        "id": "txn_1Abc",
        "object": "balance_transaction",
        "type": kind,
        "amount": 150000,
        "fee": 5850,
        "net": 144150,
        "currency": "kes",
        "created": 1795200000,
        "source": source,
    } | changes


CHARGE = {
    "id": "ch_1Abc",
    "object": "charge",
    "amount": 150000,
    "currency": "kes",
    "payment_intent": wire.INTENT,
    "metadata": {"reference": wire.REFERENCE},
    "billing_details": {"name": "Amina Otieno"},
}
AT = datetime.fromtimestamp(1795200000, UTC)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (
            movement("charge", CHARGE),
            StatementEntry(
                receipt_number=wire.INTENT,
                amount=Decimal("1500.00"),
                currency="KES",
                at=AT,
                reference=wire.REFERENCE,
                fee=Decimal("58.50"),
                payer_name="Amina Otieno",
                kind="charge",
            ),
        ),
        (  # the account's balance is kept in another currency
            movement("charge", CHARGE, amount=1163, fee=45, currency="usd"),
            StatementEntry(
                receipt_number=wire.INTENT,
                amount=Decimal("1500.00"),
                currency="KES",
                at=AT,
                reference=wire.REFERENCE,
                payer_name="Amina Otieno",
                kind="charge",
            ),
        ),
        (
            movement("refund", wire.refund(amount=50000), amount=-50000, fee=0),
            StatementEntry(
                receipt_number=wire.REFUND,
                amount=Decimal("-500.00"),
                currency="KES",
                at=AT,
                reference=wire.REFUND_REFERENCE,
                fee=Decimal("0.00"),
                kind="refund",
            ),
        ),
        (  # its money is back in the balance: another movement than the refund's
            movement("refund_failure", wire.refund(amount=50000), amount=50000, fee=0),
            StatementEntry(
                receipt_number="txn_1Abc",
                amount=Decimal("500.00"),
                currency="KES",
                at=AT,
                reference=wire.REFUND_REFERENCE,
                fee=Decimal("0.00"),
                kind="refund_failure",
            ),
        ),
        (
            movement("payout", "po_1Abc", amount=-144150, fee=0),
            StatementEntry(
                receipt_number="txn_1Abc",
                amount=Decimal("-1441.50"),
                currency="KES",
                at=AT,
                fee=Decimal("0.00"),
                kind="payout",
            ),
        ),
    ],
)
def test_movement_is_told_as_the_customer_saw_it(network, entry, told):
    network.script({MOVEMENTS: wire.listed(entry)})

    assert list(StripeProvider().list_movements(SINCE, UNTIL)) == [told]


def test_movements_of_a_day_come_page_by_page(network):
    second = movement("charge", CHARGE, id="txn_2Abc")
    network.script({MOVEMENTS: [wire.listed(movement("charge", CHARGE), has_more=True), wire.listed(second)]})

    assert len(StripeProvider().list_movements(SINCE, UNTIL)) == 2

    first, after = network.sent
    assert first.query == {
        "created[gte]": str(int(SINCE.timestamp())),
        "created[lt]": str(int(UNTIL.timestamp())),
        "expand[0]": "data.source",
        "limit": "100",
    }
    assert after.query == first.query | {"starting_after": "txn_1Abc"}


@pytest.mark.parametrize(
    "answer",
    [
        wire.error(401, ""),
        wire.listed(movement("charge", CHARGE, amount="odd")),
        wire.listed(movement("charge", CHARGE, created=None)),
        Failure.CUT,
    ],
)
def test_movements_that_are_not_whole_are_none(network, answer):
    network.script({MOVEMENTS: answer})

    with pytest.raises(ProviderUnavailable):
        StripeProvider().list_movements(SINCE, UNTIL)
