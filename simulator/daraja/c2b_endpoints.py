"""``POST /mpesa/c2b/v1|v2/registerurl`` and ``/simulate``."""

import re

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.daraja.c2b_payments import C2BOrder, C2BPayments
from simulator.daraja.confirmations import BUY_GOODS, PAY_BILL
from simulator.daraja.fields import SHORTCODE, read_amount, read_digits, read_text, read_url
from simulator.daraja.identifiers import new_request_id
from simulator.daraja.oauth import Tokens
from simulator.daraja.registrations import AlreadyRegistered, Registration, Registrations
from simulator.daraja.validation import BUY_GOODS as STK_BUY_GOODS
from simulator.daraja.validation import PAY_BILL as STK_PAY_BILL
from simulator.daraja.wire import Refusal, read_object
from simulator.msisdn import WIRE_MSISDN
from simulator.settings import DarajaSettings

RESPONSE_TYPES = ("Completed", "Cancelled")
BILL_REFERENCE_LENGTH = 20
# Source: Daraja, Customer To Business, Register URL: words that an address must not have. The short ones count
# as words of their own only, as a random token may well hold them.
_FORBIDDEN_ANYWHERE = re.compile(r"m-?pesa|safaricom", re.IGNORECASE)
_FORBIDDEN_WORDS = re.compile(r"(?<![a-z0-9])(exe|exec|cmd|sql|query)(?![a-z0-9])", re.IGNORECASE)


def c2b_token_refused() -> Refusal:
    return Refusal(400, "400.003.01", "Invalid Access Token")


def c2b_bad_field(name: str) -> Refusal:
    return Refusal(400, "400.003.02", f"Bad Request - Invalid {name}")


class C2BEndpoints:
    def __init__(
        self, settings: DarajaSettings, tokens: Tokens, registrations: Registrations, payments: C2BPayments
    ) -> None:
        self._settings = settings
        self._tokens = tokens
        self._registrations = registrations
        self._payments = payments

    async def register(self, request: Request) -> Response:
        self._tokens.check(request, c2b_token_refused)
        body = await read_object(request, c2b_bad_field("ShortCode"))
        shortcode = read_digits(body, "ShortCode", SHORTCODE, c2b_bad_field)
        kinds = (PAY_BILL, BUY_GOODS)
        if not any(self._payments.is_ours(shortcode, kind) for kind in kinds):
            raise c2b_bad_field("ShortCode")
        if body.get("ResponseType") not in RESPONSE_TYPES:
            raise c2b_bad_field("ResponseType")
        confirmation_url = read_url(body, "ConfirmationURL", c2b_bad_field)
        validation_url = read_url(body, "ValidationURL", c2b_bad_field, optional=True)
        for name, url in (("ConfirmationURL", confirmation_url), ("ValidationURL", validation_url)):
            if self._settings.c2b_strict_urls and has_forbidden_word(url):
                raise c2b_bad_field(name)
        version = 1 if "/v1/" in request.url.path else 2
        registration = Registration(shortcode, version, body["ResponseType"], confirmation_url, validation_url)
        try:
            self._registrations.add(registration)
        except AlreadyRegistered as error:
            raise Refusal(500, "500.003.1001", "Urls are already registered") from error
        return JSONResponse(_accepted("Success"))

    async def simulate(self, request: Request) -> Response:
        """Start a payment as a customer would; the sandbox asks for no PIN."""
        self._tokens.check(request, c2b_token_refused)
        body = await read_object(request, c2b_bad_field("ShortCode"))
        number = read_digits(body, "ShortCode", SHORTCODE, c2b_bad_field)
        command = body.get("CommandID")
        if command not in (STK_PAY_BILL, STK_BUY_GOODS):
            raise c2b_bad_field("CommandID")
        transaction_type = PAY_BILL if command == STK_PAY_BILL else BUY_GOODS
        amount = read_amount(body, c2b_bad_field)
        if amount > self._settings.transaction_limit:
            raise c2b_bad_field("Amount")
        msisdn = read_digits(body, "Msisdn", WIRE_MSISDN.pattern, c2b_bad_field)
        at_till = transaction_type == BUY_GOODS
        reference = read_text(body, "BillRefNumber", BILL_REFERENCE_LENGTH, c2b_bad_field, optional=at_till)
        if not self._payments.is_ours(number, transaction_type):
            raise c2b_bad_field("ShortCode")
        order = C2BOrder(msisdn, amount, number, transaction_type, "" if at_till else reference)
        return JSONResponse(
            _accepted("Accept the service request successfully."), background=BackgroundTask(self._start, order)
        )

    async def _start(self, order: C2BOrder) -> None:
        self._payments.start(order)


def has_forbidden_word(url: str) -> bool:
    return bool(_FORBIDDEN_ANYWHERE.search(url) or _FORBIDDEN_WORDS.search(url))


def _accepted(description: str) -> dict[str, str]:
    return {
        "OriginatorCoversationID": new_request_id(),  # so misspelled on the wire
        "ResponseCode": "0",
        "ResponseDescription": description,
    }
