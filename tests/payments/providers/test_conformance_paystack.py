"""Paystack keeps the rules of every provider."""

import hashlib
import hmac
import json
from decimal import Decimal

from payments.providers.paystack import PaystackProvider
from payments.testing.conformance import ProviderConformance
from tests.payments.providers.paystack_wire import (
    BANKS,
    FORMER_KEY,
    KEY,
    RECIPIENT,
    TRANSACTION_ID,
    envelope,
    error,
    hundredths,
    refund,
    transaction,
    transfer,
)


class TestPaystack(ProviderConformance):
    method = "card"
    provider_reference = "k3x9q2w7m1"
    receipt_number = str(TRANSACTION_ID)
    secrets = (KEY, FORMER_KEY)
    initiate_route = "POST /transaction/initialize"
    query_route = "GET /transaction/verify/*"
    refund_route = "POST /refund"
    query_refund_route = "GET /refund"
    payout_route = "POST /transfer"
    query_payout_route = "GET /transfer/verify/*"
    decisive = ("status", "data.status", "data.reference", "data.amount", "data.currency", "data.domain")

    def make_provider(self, settings):
        settings.PAYSTACK = {
            "BASE_URL": "https://paystack.test",
            "SECRET_KEY": KEY,
            "FORMER_SECRET_KEY": FORMER_KEY,
        }
        return PaystackProvider()

    def side_script(self):
        return {"GET /bank": BANKS, "POST /transferrecipient": RECIPIENT}

    def accepted(self):
        return envelope(
            {
                "authorization_url": "https://checkout.paystack.test/k3x9q2w7m1",
                "access_code": "k3x9q2w7m1",
                "reference": self.reference,
            },
            "Authorization URL created",
        )

    def collected(self, sent):
        return Decimal(sent[0].json["amount"]) / 100, sent[0].json["currency"]

    def refused(self):
        return error(400, "Currency not supported by merchant", "invalid_params")

    def duplicate(self):
        return {
            self.initiate_route: error(400, "Duplicate Transaction Reference", "duplicate_reference"),
            self.query_route: envelope(transaction(self.reference, status="abandoned", authorization={}, paid_at=None)),
        }

    def paid(self, amount, currency, reference):
        units = hundredths(amount)
        return envelope(transaction(reference, amount=units, requested_amount=units, currency=currency))

    def paid_in_other_mode(self):
        return envelope(transaction(self.reference, domain="live"))

    def with_status(self, status):
        return envelope(transaction(self.reference, status=status))

    def pending(self):
        return self.with_status("ongoing")

    def failed(self, reference):
        return envelope(transaction(reference, status="failed", gateway_response="Declined", message="Declined"))

    def not_known(self):
        return error(404, "Transaction reference not found", "transaction_not_found")

    def refund_accepted(self):
        return envelope(refund(f"{self.refund_reference} for order BM-1001", status="pending"))

    def refund_refused(self):
        return {
            self.refund_route: error(400, "Refund amount cannot be more than transaction amount", "invalid_params"),
            self.query_refund_route: envelope([], meta={"total": 0, "page": 1}),
        }

    def refund_with_status(self, status):
        return envelope([refund(f"{self.refund_reference} for order BM-1001", status=status)])

    def refund_done(self, amount):
        return envelope([refund(f"{self.refund_reference} for order BM-1001", amount=hundredths(amount))])

    def refund_open(self):
        return self.refund_with_status("processing")

    def refund_failed(self):
        return self.refund_with_status("failed")

    def refund_never_seen(self):
        return envelope([refund("refund-of-another for order BM-1001")], meta={"total": 1, "page": 1, "pageCount": 1})

    def payout_accepted(self):
        return envelope(transfer(self.payout_reference, status="pending"), "Transfer has been queued")

    def payout_refused(self):
        return {
            self.payout_route: error(400, "Your balance is not enough to fulfil this request", "insufficient_balance"),
            self.query_payout_route: error(404, "Transfer not found", "not_found"),
        }

    def payout_with_status(self, status):
        return envelope(transfer(self.payout_reference, status=status))

    def payout_done(self, amount):
        return envelope(transfer(self.payout_reference, amount=hundredths(amount)))

    def payout_open(self):
        return self.payout_with_status("received")

    def payout_failed(self):
        return self.payout_with_status("blocked")

    def webhook(self):
        event = {"event": "charge.success", "data": transaction(self.reference, metadata=0, fees=None)}
        return json.dumps(event, separators=(",", ":")).encode()

    def sign(self, body):
        return {"x-paystack-signature": hmac.new(KEY.encode(), body, hashlib.sha512).hexdigest()}
