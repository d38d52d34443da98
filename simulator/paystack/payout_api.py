"""``/transferrecipient``, ``/transfer``, ``/balance`` and ``/bank``: sending money out."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.documents import Document
from simulator.faults import FaultBox
from simulator.paystack.banks import BANKS, COUNTRIES, find_bank
from simulator.paystack.fault_kinds import READ, TRANSFER
from simulator.paystack.identifiers import new_code
from simulator.paystack.instruments import OTP
from simulator.paystack.money import DEFAULT_CURRENCY, TARIFFS
from simulator.paystack.payouts import Payouts, shown_recipient
from simulator.paystack.validation import read_amount, text_of
from simulator.paystack.wire import (
    WORDING,
    Fields,
    Handler,
    PaystackError,
    envelope,
    invalid,
    not_found,
    page_of,
    read_fields,
)
from simulator.transport import Struck

RECIPIENT_TYPES = ("nuban", "ghipss", "mobile_money", "mobile_money_business", "kepss", "basa")
MOST_IN_BULK = 100
_REFERENCE = re.compile(r"[a-z0-9_-]{16,50}")


class PayoutApi:
    def __init__(self, payouts: Payouts, faults: FaultBox) -> None:
        self._payouts = payouts
        self._faults = faults

    def routes(self, guard: Callable[[Handler], Handler]) -> list[Route]:
        def get(path: str, handler: Handler) -> Route:
            return Route(path, guard(handler), methods=["GET"])

        def post(path: str, handler: Handler) -> Route:
            return Route(path, guard(handler), methods=["POST"])

        return [
            post("/transferrecipient", self.create_recipient),
            get("/transferrecipient", self.list_recipients),
            get("/transferrecipient/{code}", self.fetch_recipient),
            post("/transfer", self.create),
            post("/transfer/bulk", self.create_bulk),
            post("/transfer/finalize_transfer", self.finalize),
            post("/transfer/resend_otp", self.resend_otp),
            post("/transfer/enable_otp", partial(self.switch_otp, True)),
            post("/transfer/disable_otp", self.ask_to_disable_otp),
            post("/transfer/disable_otp_finalize", partial(self.switch_otp, False)),
            get("/transfer", self.list_all),
            get("/transfer/verify/{reference}", self.verify),
            get("/transfer/{code}", self.fetch),
            get("/balance", self.balance),
            get("/bank", self.banks),
        ]

    # --- recipients

    async def create_recipient(self, request: Request) -> Response:
        fields = await read_fields(request)
        kind, name = text_of(fields, "type", required=True), text_of(fields, "name", required=True)
        if kind not in RECIPIENT_TYPES:
            raise invalid("Invalid recipient type", f"Use one of: {', '.join(RECIPIENT_TYPES)}")
        account = text_of(fields, "account_number", required=True)
        if not re.fullmatch(r"\+?[0-9]{5,20}", account):
            raise invalid("Account number is invalid", "Ensure that the account number has digits only")
        currency = _currency(fields)
        bank = find_bank(text_of(fields, "bank_code", required=True), currency)
        if bank is None or bank["type"] != kind:
            raise invalid("Bank is invalid", "Read the codes from GET /bank")
        recipient, created = self._payouts.see_recipient(
            kind=kind,
            name=name,
            account_number=account,
            bank_code=bank["code"],
            currency=currency,
            metadata=fields.get("metadata"),
        )
        message = "Transfer recipient created successfully"
        return envelope(message, shown_recipient(recipient), status=201 if created else 200)

    async def list_recipients(self, request: Request) -> Response:
        return page_of(request, self._payouts.recipients(), shown_recipient, "Recipients retrieved")

    async def fetch_recipient(self, request: Request) -> Response:
        recipient = self._payouts.recipient(request.path_params["code"])
        if recipient is None:
            raise not_found("Recipient not found")
        return envelope("Recipient retrieved", shown_recipient(recipient))

    # --- transfers

    async def create(self, request: Request) -> Response:
        fields = await read_fields(request)
        wanted = self._read(fields)
        if known := self._same(wanted):
            return envelope(_message(known), self._payouts.queued(known))
        struck = Struck(TRANSFER, self._faults.draw(TRANSFER, reference=wanted["reference"]), WORDING)
        if instead := await struck.instead():
            return instead
        if known := self._same(wanted):  # the same came while this one hung
            return envelope(_message(known), self._payouts.queued(known))
        self._check_balance(wanted["currency"], wanted["amount"])
        transfer = self._payouts.create(**wanted, faults=struck.faults)
        right = envelope(_message(transfer), self._payouts.queued(transfer))
        return await struck.answer(right, partial(self._payouts.release, wanted["reference"]))

    async def create_bulk(self, request: Request) -> Response:
        """Queue several transfers, or none if one of them is refused."""
        fields = await read_fields(request)
        entries = fields.get("transfers")
        if not isinstance(entries, list) or not 0 < len(entries) <= MOST_IN_BULK:
            raise invalid("Invalid transfers", f"Send a list of at most {MOST_IN_BULK}")
        if any(not isinstance(entry, dict) for entry in entries):
            raise invalid("Invalid transfers", "Send a list of objects")
        common = {"source": fields.get("source"), "currency": fields.get("currency")}
        wanted = [self._read({**common, **entry}) for entry in entries]
        references = [entry["reference"] for entry in wanted]
        if len(set(references)) < len(references) or any(map(self._payouts.transfer, references)):
            raise _reference_taken()
        struck = Struck(TRANSFER, self._faults.draw(TRANSFER), WORDING)
        if instead := await struck.instead():
            return instead
        for currency in {entry["currency"] for entry in wanted}:
            self._check_balance(currency, sum(entry["amount"] for entry in wanted if entry["currency"] == currency))
        transfers = [self._payouts.create(**entry, faults=struck.faults) for entry in wanted]
        names = ("reference", "recipient", "amount", "transfer_code", "currency", "status")
        right = envelope(
            f"{len(transfers)} transfers queued.",
            [{name: transfer[name] for name in names} for transfer in transfers],
        )

        def release() -> None:
            for reference in references:
                self._payouts.release(reference)

        return await struck.answer(right, release)

    def _read(self, fields: Fields) -> dict[str, Any]:
        """Read one transfer.

        Raises:
            PaystackError: names what is wrong first.
        """
        if fields.get("source") != "balance":
            raise invalid("Invalid source", "Use balance")
        amount = read_amount(fields.get("amount"), "Amount is invalid")
        recipient = self._payouts.recipient(text_of(fields, "recipient", required=True))
        if recipient is None:
            raise PaystackError(
                400,
                "Recipient specified is invalid",
                "invalid_transfer_recipient",
                next_step="Create the recipient first",
            )
        currency = _currency(fields)
        if currency != recipient["currency"]:
            raise invalid("Currency does not match the recipient", f"The recipient takes {recipient['currency']}")
        reference = text_of(fields, "reference") or new_code(length=16)
        if not _REFERENCE.fullmatch(reference):
            raise invalid("Invalid transfer reference", "Use 16 to 50 of a-z, 0-9, - and _")
        return {
            "recipient": recipient,
            "amount": amount,
            "currency": currency,
            "reference": reference,
            "reason": text_of(fields, "reason"),
        }

    def _same(self, wanted: dict[str, Any]) -> Document | None:
        """Return the transfer that this reference made already.

        Raises:
            PaystackError: it was made for something else.
        """
        known = self._payouts.transfer(wanted["reference"])
        if known is None:
            return None
        code = wanted["recipient"]["recipient_code"]
        if (known["amount"], known["currency"], known["recipient"]) != (wanted["amount"], wanted["currency"], code):
            raise _reference_taken()
        return known

    def _check_balance(self, currency: str, amount: int) -> None:
        if self._payouts.balance(currency) < amount:
            raise PaystackError(
                400,
                "Your balance is not enough to fulfil this request",
                "insufficient_balance",
                next_step="Top up your balance",
                kind="api_error",
            )

    async def finalize(self, request: Request) -> Response:
        fields = await read_fields(request)
        transfer = self._payouts.by_code(text_of(fields, "transfer_code", required=True))
        if transfer is None:
            raise not_found("Transfer not found")
        if transfer["status"] != "otp":
            raise invalid("Transfer is not currently awaiting OTP")
        if text_of(fields, "otp", required=True) != OTP:
            raise invalid("OTP could not be verified", "Ask the account's owner for the OTP")
        return envelope("Transfer has been queued", self._payouts.queued(self._payouts.finalize(transfer)))

    async def resend_otp(self, request: Request) -> Response:
        transfer = self._payouts.by_code(text_of(await read_fields(request), "transfer_code", required=True))
        if transfer is None or transfer["status"] != "otp":
            raise invalid("Transfer is not currently awaiting OTP")
        return envelope("OTP has been resent", None)

    async def ask_to_disable_otp(self, _: Request) -> Response:
        return envelope("OTP has been sent to mobile number ending with 4321", None)

    async def switch_otp(self, required: bool, request: Request) -> Response:
        if not required and text_of(await read_fields(request), "otp", required=True) != OTP:
            raise invalid("OTP could not be verified", "Ask the account's owner for the OTP")
        self._payouts.otp_required = required
        return envelope(f"OTP requirement for transfers has been {'enabled' if required else 'disabled'}", None)

    async def list_all(self, request: Request) -> Response:
        return await self._read_only(
            lambda: page_of(request, self._payouts.transfers(), self._payouts.shown, "Transfers retrieved")
        )

    async def verify(self, request: Request) -> Response:
        return await self._read_only(
            lambda: self._found(self._payouts.transfer(request.path_params["reference"])),
        )

    async def fetch(self, request: Request) -> Response:
        return await self._read_only(lambda: self._found(self._payouts.by_code(request.path_params["code"])))

    def _found(self, transfer: Document | None) -> Response:
        if transfer is None:
            raise not_found("Transfer not found")
        return envelope("Transfer retrieved", self._payouts.shown(transfer))

    # --- the rest

    async def balance(self, _: Request) -> Response:
        return await self._read_only(lambda: envelope("Balances retrieved", self._payouts.balances()))

    async def banks(self, request: Request) -> Response:
        """List banks by ``country, currency`` and ``type``."""
        asked = request.query_params
        country = asked.get("country", "").lower()
        if country and country not in COUNTRIES:
            raise invalid("Invalid country passed")
        rows = [
            bank
            for bank in BANKS
            if country in ("", bank["country"].lower())
            and asked.get("currency", bank["currency"]) == bank["currency"]
            and asked.get("type", bank["type"]) == bank["type"]
        ]
        return await self._read_only(lambda: page_of(request, rows, dict, "Banks retrieved"))

    async def _read_only(self, answer: Callable[[], Response]) -> Response:
        struck = Struck(READ, self._faults.draw(READ), WORDING)
        if instead := await struck.instead():
            return instead
        return await struck.answer(answer())


def _currency(fields: Fields) -> str:
    currency = text_of(fields, "currency") or DEFAULT_CURRENCY
    if currency not in TARIFFS:
        raise invalid("Currency not supported by merchant", "Use a currency that is enabled for your account")
    return currency


def _message(transfer: Document) -> str:
    waits = transfer["status"] == "otp"
    return "Transfer requires OTP to continue" if waits else "Transfer has been queued"


def _reference_taken() -> PaystackError:
    return PaystackError(
        400,
        "Please provide a unique reference. Reference already exists on a transfer",
        "duplicate_reference",
        next_step="Use a reference of its own, or ask for the transfer that it made",
    )
