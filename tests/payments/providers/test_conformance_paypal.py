"""PayPal keeps the rules of every provider."""

from decimal import Decimal
from typing import Any

import pytest

from payments.providers.paypal import PayPalProvider
from payments.testing.conformance import ProviderConformance
from payments.testing.network import Reply
from tests.payments.providers import paypal_wire as wire


def money(amount: Decimal, currency: str = "USD") -> dict[str, str]:
    return {"currency_code": currency, "value": str(amount)}


class TestPayPal(ProviderConformance):
    method = "paypal"
    currency = "USD"
    other_currency = "EUR"
    amount = Decimal("11.63")
    secrets = (wire.CLIENT_SECRET, wire.TOKEN)
    reference = wire.REFERENCE
    provider_reference = wire.ORDER
    receipt_number = wire.CAPTURE
    refund_reference = wire.REFUND_REFERENCE
    known_refund = wire.REFUND
    initiate_route = wire.CREATE
    query_route = wire.SHOW
    refund_route = wire.REFUNDS
    query_refund_route = f"GET /v2/payments/refunds/{wire.REFUND}"
    compares_signatures = False  # RSA
    _capture = "purchase_units.0.payments.captures.0"
    decisive = (
        "id",
        "status",
        "purchase_units",
        "purchase_units.0.payments",
        "purchase_units.0.payments.captures",
        _capture,
        f"{_capture}.status",
        f"{_capture}.amount",
    )

    @pytest.fixture(autouse=True)
    def rates(self, db: None) -> None:
        """Currencies that PayPal does not take are converted, by rates in the database: there is none."""

    def make_provider(self, settings: Any) -> PayPalProvider:
        wire.configure(settings)
        return PayPalProvider()

    def side_script(self) -> Any:
        return {
            "POST /v1/oauth2/token": wire.token(),
            wire.CERTIFICATE: Reply(200, wire.certificate()),
        }

    def accepted(self) -> Reply:
        return Reply(201, wire.order())

    def collected(self, sent: Any) -> tuple[Decimal, str]:
        amount = sent[-1].json["purchase_units"][0]["amount"]
        return Decimal(amount["value"]), amount["currency_code"]

    def refused(self) -> Reply:
        return wire.issue("MAX_VALUE_EXCEEDED")

    def duplicate(self) -> Reply:
        return wire.issue("DUPLICATE_INVOICE_ID")

    def paid(self, amount: Decimal, currency: str, reference: str) -> Reply:
        capture = wire.capture(amount=money(amount, currency), custom_id=reference)
        return Reply(200, wire.order("COMPLETED", capture))

    def with_status(self, status: Any) -> Reply:
        return Reply(200, wire.order("COMPLETED", wire.capture(status)))

    def pending(self) -> Reply:
        capture = wire.capture("PENDING", status_details={"reason": "RECEIVING_PREFERENCE_MANDATES_MANUAL_ACTION"})
        return Reply(200, wire.order("COMPLETED", capture))

    def failed(self, reference: str) -> Reply:
        return Reply(200, wire.order("COMPLETED", wire.capture("DECLINED", custom_id=reference)))

    def refund_accepted(self) -> Reply:
        return Reply(201, wire.refund("PENDING"))

    def refund_refused(self) -> Reply:
        return wire.issue("CAPTURE_FULLY_REFUNDED")

    def refund_done(self, amount: Decimal) -> Reply:
        return Reply(200, wire.refund(amount=money(amount)))

    def refund_open(self) -> Reply:
        return Reply(200, wire.refund("PENDING", status_details={"reason": "ECHECK"}))

    def refund_failed(self) -> Reply:
        return Reply(200, wire.refund("FAILED"))

    def refund_with_status(self, status: Any) -> Reply:
        return Reply(200, wire.refund(status))

    # Not known: PayPal forgets orders that nobody has paid, so after their end that is how they end. See test_paypal.

    def webhook(self) -> bytes:
        return wire.body_of("PAYMENT.CAPTURE.COMPLETED", wire.capture())

    def sign(self, body: bytes) -> dict[str, str]:
        return wire.sign(body)


class TestPayPalCapture(TestPayPal):
    """The same where the order is approved, so that asking means capturing."""

    query_route = wire.TAKE

    def side_script(self) -> Any:
        return {**super().side_script(), wire.SHOW: Reply(200, wire.order("APPROVED"))}

    def paid(self, amount: Decimal, currency: str, reference: str) -> Reply:
        return Reply(201, wire.captured(wire.capture(amount=money(amount, currency), custom_id=reference)))

    def with_status(self, status: Any) -> Reply:
        return Reply(201, wire.captured(wire.capture(status)))

    def pending(self) -> Reply:
        return Reply(201, wire.captured(wire.capture("PENDING")))

    def failed(self, reference: str) -> Reply:
        return Reply(201, wire.captured(wire.capture("DECLINED", custom_id=reference)))
