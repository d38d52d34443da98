"""The rules of every provider, kept by M-Pesa."""

from decimal import Decimal

from payments.providers.mpesa import MpesaProvider
from payments.testing.conformance import ProviderConformance
from tests.payments.providers.mpesa_wire import (
    B2C,
    CHECKOUT_ID,
    ORIGINATOR_ID,
    PUSH,
    QUERY,
    RECEIPT,
    REVERSAL,
    SETTINGS,
    STATUS,
    TOKEN,
    acknowledged,
    gateway_error,
    pushed,
    queried,
    token,
)

KEY, SECRET, PASSKEY = "consumer-key-91c2", "consumer-secret-5fd0", "passkey-bfb279f9"
CREDENTIAL, TOKEN_TEXT, C2B_SECRET = "c2VjdXJpdHk91", "token-x7Qm2LwZ0b9T", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"


class TestMpesa(ProviderConformance):
    method = "mpesa"
    secrets = (KEY, SECRET, PASSKEY, CREDENTIAL, TOKEN_TEXT, C2B_SECRET)
    provider_reference = CHECKOUT_ID
    receipt_number = RECEIPT
    known_refund = ORIGINATOR_ID
    known_payout = "payout-0197a1b2c3d4e5f6"
    initiate_route, query_route = PUSH, QUERY
    refund_route, query_refund_route = REVERSAL, STATUS
    payout_route, query_payout_route = B2C, STATUS
    decisive = ("ResponseCode", "CheckoutRequestID", "ResultCode")
    tells_amount = False

    def make_provider(self, settings):
        settings.MPESA = SETTINGS | {
            "CONSUMER_KEY": KEY,
            "CONSUMER_SECRET": SECRET,
            "PASSKEY": PASSKEY,
            "SECURITY_CREDENTIAL": CREDENTIAL,
            "C2B_SECRET": C2B_SECRET,
        }
        return MpesaProvider()

    def side_script(self):
        return {TOKEN: token(TOKEN_TEXT)}

    # --- collecting

    def accepted(self):
        return pushed()

    def collected(self, sent):
        pushes = [request.json for request in sent if request.route == PUSH]
        return Decimal(pushes[0]["Amount"]), "KES"

    def refused(self):
        return gateway_error(400, "400.002.02", "Bad Request - Invalid PhoneNumber")

    def paid(self, amount, currency, reference):
        if currency != "KES":
            return None
        checkout_id = CHECKOUT_ID if reference == self.reference else "ws_CO_211120261045130799999999"
        return queried("0", "The service request is processed successfully.", checkout_id)

    def with_status(self, status):
        if type(status) is int:  # numbers are codes too: paid, and too little money
            return None
        return queried(status, "The service request is done.")

    def pending(self):
        return gateway_error(500, "500.001.1001", "The transaction is being processed")

    def failed(self, reference):
        checkout_id = CHECKOUT_ID if reference == self.reference else "ws_CO_211120261045130799999999"
        return queried("1032", "Request cancelled by user", checkout_id)

    def not_known(self):
        return gateway_error(500, "500.001.1001", "The transaction does not Exist")

    # --- giving back, paying out; how it ends comes to an address of ours, see test_mpesa_results.py

    def refund_accepted(self):
        return acknowledged()

    def refund_refused(self):
        return gateway_error(400, "400.002.02", "Bad Request - Invalid SecurityCredential")

    def refund_open(self):
        return acknowledged("9999-status")

    def payout_accepted(self):
        return acknowledged("payout-0197a1b2c3d4e5f6")

    def payout_refused(self):
        return gateway_error(400, "400.002.02", "Bad Request - Invalid InitiatorName")

    def payout_open(self):
        return acknowledged("9999-status")
