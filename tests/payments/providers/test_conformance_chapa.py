"""Chapa keeps the rules of every provider."""

import hashlib
import hmac
import json
from decimal import Decimal

from payments.providers.chapa import ChapaProvider
from payments.testing.conformance import ProviderConformance
from tests.payments.providers.chapa_wire import (
    BANKS,
    KEY,
    SECRET,
    envelope,
    error,
    payment,
    payout,
    refund,
)


class TestChapa(ProviderConformance):
    method = "mobile_money"
    currency = "ETB"
    provider_reference = "BM-1001-K7QW2MZA"
    receipt_number = "AP9x8y7z6w"
    known_refund = "SHOP-DIS-REF-0001"
    secrets = (KEY, SECRET)
    initiate_route = "POST /v1/transaction/initialize"
    query_route = "GET /v1/transaction/verify/*"
    refund_route = "POST /v1/refund/*"
    query_refund_route = "GET /v1/refund/*/verify"
    payout_route = "POST /v1/transfers"
    query_payout_route = "GET /v1/transfers/verify/*"
    decisive = ("status", "data.status", "data.tx_ref", "data.amount", "data.currency", "data.mode")
    every_header_is_needed = False  # it signs twice, and the one that covers the body will do
    signature_covers_spaces = False  # its own samples sign what JSON.stringify makes of the parsed body

    def make_provider(self, settings):
        settings.CHAPA = {"BASE_URL": "https://chapa.test/v1", "SECRET_KEY": KEY, "WEBHOOK_SECRET": SECRET}
        return ChapaProvider()

    def side_script(self):
        return {"GET /v1/banks": BANKS, self.query_route: error(404, "Payment not paid yet", "null")}

    def payout_request(self, **changes):
        return super().payout_request(**{"phone_number": "+251912345678", **changes})

    def accepted(self):
        return envelope({"checkout_url": "https://checkout.chapa.test/payment/Xy12ab"}, "Hosted Link")

    def collected(self, sent):
        return Decimal(sent[0].json["amount"]), sent[0].json["currency"]

    def refused(self):
        return error(400, {"currency": ["validation.in"], "amount": ["validation.required"]})

    def duplicate(self):
        return {
            self.initiate_route: error(400, "Transaction reference has been used before"),
            "PUT /v1/transaction/cancel/*": envelope(None, "Checkout link expired successfully"),
        }

    def paid(self, amount, currency, reference):
        return envelope(payment(reference, amount=amount, currency=currency))

    def paid_in_other_mode(self):
        return envelope(payment(self.reference, mode="live"))

    def with_status(self, status):
        return envelope(payment(self.reference, status=status))

    def pending(self):
        return self.with_status("pending")

    def failed(self, reference):
        return envelope(payment(reference, status="failed/cancelled"))

    def not_known(self):
        return error(404, "Invalid transaction or Transaction not found")

    def refund_accepted(self):
        return envelope(refund(self.refund_reference))

    def refund_refused(self):
        return error(400, "Insufficient balance")

    def refund_with_status(self, status):
        return envelope(refund(self.refund_reference, status=status))

    def refund_done(self, amount):
        return envelope(refund(self.refund_reference, status="Refunded", amount=str(amount)))

    def refund_open(self):
        return self.refund_with_status("Refund Initiated")

    def payout_accepted(self):
        return envelope(self.payout_reference, "Transfer Queued Successfully in Test Mode.")

    def payout_refused(self):
        return {
            self.payout_route: error(400, "Insufficient Balance"),
            self.query_payout_route: error(404, "Transfer not found"),
        }

    def payout_with_status(self, status):
        return envelope(payout(self.payout_reference, status=status))

    def payout_done(self, amount):
        return envelope(payout(self.payout_reference, amount=str(amount)))

    def payout_open(self):
        return self.payout_with_status("pending")

    def payout_failed(self):
        return self.payout_with_status("failed/cancelled")

    def webhook(self):
        event = {"event": "charge.success", "payment_method": "telebirr", "mobile": "25191XXXX678"}
        facts = payment(self.reference, amount="1500.00", charge="45.00")
        del facts["method"]
        return json.dumps(event | facts, separators=(",", ":")).encode()

    def sign(self, body):
        return {
            "x-chapa-signature": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(),
            "chapa-signature": hmac.new(SECRET.encode(), SECRET.encode(), hashlib.sha256).hexdigest(),
        }
