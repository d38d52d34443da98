"""``/v1/transfers``, ``/v1/bulk-transfers`` and ``/v1/banks``: sending money out."""

import re
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.chapa.banks import BANKS, BY_ID
from simulator.chapa.fault_kinds import READ, TRANSFER, TRANSFER_VERIFY
from simulator.chapa.money import read_major
from simulator.chapa.payment_api import PAGE_SIZE, page_number
from simulator.chapa.payouts import FAILED_TRANSFER, SUCCESS, Payouts
from simulator.chapa.wire import WORDING, ChapaError, Fields, Handler, KeyedRoute, Problems, envelope, read_fields
from simulator.faults import FaultBox
from simulator.transport import Struck

MOST_IN_BULK = 100


class PayoutApi:
    def __init__(self, payouts: Payouts, faults: FaultBox) -> None:
        self._payouts = payouts
        self._faults = faults

    def routes(self, guard: Callable[[Handler], Handler]) -> list[Route]:
        return [
            KeyedRoute("/v1/transfers", guard(self.create), methods=["POST"]),
            KeyedRoute("/v1/transfers", guard(self.list_all), methods=["GET"]),
            KeyedRoute("/v1/transfers/verify/{reference}", guard(self.verify), methods=["GET"]),
            Route("/v1/bulk-transfers", guard(self.create_bulk), methods=["POST"]),
            Route("/v1/banks", guard(self.banks), methods=["GET"]),
        ]

    async def create(self, request: Request) -> Response:
        wanted = self._read(await read_fields(request))
        self._check(wanted)
        struck = Struck(TRANSFER, self._faults.draw(TRANSFER, reference=wanted["reference"]), WORDING)
        if instead := await struck.instead():
            return instead
        _refuse_by_hour(struck)
        self._check(wanted)  # the same may have come meanwhile
        self._payouts.create(wanted, struck.faults)
        return await struck.answer(envelope(self._message("Transfer Queued Successfully"), wanted["reference"]))

    async def create_bulk(self, request: Request) -> Response:
        """Queue several transfers, or none if one of them is refused."""
        fields = await read_fields(request)
        entries = fields.get("bulk_data")
        if not isinstance(entries, list) or not 0 < len(entries) <= MOST_IN_BULK:
            raise ChapaError(400, {"bulk_data": [f"validation.between.1.{MOST_IN_BULK}"]})
        if not isinstance(fields.get("title"), str) or not fields["title"]:
            raise ChapaError(400, {"title": ["validation.required"]})
        wanted = [self._read({**_object(entry), "currency": fields.get("currency")}) for entry in entries]
        self._check_all(wanted)
        struck = Struck(TRANSFER, self._faults.draw(TRANSFER), WORDING)
        if instead := await struck.instead():
            return instead
        _refuse_by_hour(struck)
        self._check_all(wanted)  # one of them may have come meanwhile
        batch = self._payouts.create_bulk(fields["title"], wanted, struck.faults)
        return await struck.answer(envelope(self._message("Bulk transfer queued successfully"), batch))

    def _message(self, text: str) -> str:
        return f"{text} in Test Mode." if self._payouts.mode == "test" else text

    def _read(self, fields: Fields) -> Fields:
        """Read one transfer.

        Raises:
            ChapaError: every field that is wrong, as an object of lists; a wrong bank or limit as text.
        """
        problems: Problems = {}
        for name in ("account_name", "account_number", "reference", "bank_code", "amount"):
            if fields.get(name) in (None, ""):
                problems[name] = ["validation.required"]
        amount = read_major(fields.get("amount"))
        if amount is None:
            problems.setdefault("amount", ["validation.numeric"])
        for name, form in (("account_number", r"[0-9]{5,20}"), ("reference", r"[!-~]{1,100}")):
            if not isinstance(fields.get(name), str) or not re.fullmatch(form, fields[name]):
                problems.setdefault(name, ["validation.regex"])
        if not isinstance(fields.get("account_name", ""), str):
            problems.setdefault("account_name", ["validation.string"])
        if problems or amount is None:
            raise ChapaError(400, problems)
        if fields.get("currency", "ETB") != "ETB":
            raise ChapaError(400, "Invalid currency")
        bank = BY_ID.get(_whole(fields["bank_code"]))
        if bank is None:
            raise ChapaError(400, "Invalid bank code")
        if amount < 100 or amount > bank.limit:
            raise ChapaError(400, f"The amount must be between 1 and {bank.limit // 100} ETB for {bank.name}")
        return {
            "account_name": fields["account_name"],
            "account_number": fields["account_number"],
            "amount": amount,
            "currency": "ETB",
            "reference": fields["reference"],
            "bank_id": bank.id,
            "bank_name": bank.name,
            "fate": self._fate(fields),
        }

    def _fate(self, fields: Fields) -> str:
        """Return how a transfer ends: in test mode, as its ``status`` says."""
        forced = str(fields.get("status") or "").lower()
        return FAILED_TRANSFER if self._payouts.mode == "test" and forced.startswith("fail") else SUCCESS

    def _check_all(self, wanted: list[Fields]) -> None:
        if len({entry["reference"] for entry in wanted}) < len(wanted):
            raise _reference_used()
        for entry in wanted:
            self._check(entry)
        self._check_balance(sum(entry["amount"] for entry in wanted))

    def _check(self, wanted: Fields) -> None:
        if self._payouts.find(wanted["reference"]):
            raise _reference_used()
        self._check_balance(wanted["amount"])

    def _check_balance(self, amount: int) -> None:
        if self._payouts.balance("ETB") < amount:
            raise ChapaError(400, "Insufficient Balance")

    async def verify(self, request: Request) -> Response:
        reference: str = request.path_params["reference"]
        struck = Struck(TRANSFER_VERIFY, self._faults.draw(TRANSFER_VERIFY, reference=reference), WORDING)
        if instead := await struck.instead():
            return instead
        transfer = self._payouts.find(reference)
        if transfer is None:
            raise ChapaError(404, "Transfer not found")
        data: Any = [None] if struck.get("chapa_transfer_verify_null") else self._payouts.verified(transfer)
        return await struck.answer(envelope("Transfer details", data))

    async def list_all(self, request: Request) -> Response:
        """List transfers, newest first, page by page."""
        struck = Struck(READ, self._faults.draw(READ), WORDING)
        if instead := await struck.instead():
            return instead
        rows = self._payouts.listing()[::-1]
        page, pages = page_number(request), max(1, -(-len(rows) // PAGE_SIZE))
        start = (page - 1) * PAGE_SIZE
        path = f"{request.url.scheme}://{request.url.netloc}{request.url.path}"
        shown = rows[start : start + PAGE_SIZE]
        return await struck.answer(
            JSONResponse(
                {
                    "message": "Transfers retrieved successfully",
                    "status": "success",
                    "data": [self._payouts.listed(transfer) for transfer in shown],
                    "meta": {
                        "current_page": page,
                        "first_page_url": f"{path}?page=1",
                        "last_page": pages,
                        "last_page_url": f"{path}?page={pages}",
                        "next_page_url": f"{path}?page={page + 1}" if page < pages else None,
                        "path": path,
                        "per_page": PAGE_SIZE,
                        "prev_page_url": f"{path}?page={page - 1}" if page > 1 else None,
                        "to": start + len(shown),
                        "total": len(rows),
                        "error": [],
                    },
                }
            )
        )

    async def banks(self, _: Request) -> Response:
        """List banks; this envelope has no status."""
        struck = Struck(READ, self._faults.draw(READ), WORDING)
        if instead := await struck.instead():
            return instead
        return await struck.answer(
            JSONResponse({"message": "Banks retrieved", "data": [bank.as_json() for bank in BANKS]})
        )


def _object(entry: Any) -> Fields:
    if not isinstance(entry, dict):
        raise ChapaError(400, {"bulk_data": ["validation.array"]})
    return entry


def _whole(value: Any) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0


def _refuse_by_hour(struck: Struck) -> None:
    if struck.get("chapa_transfer_outside_hours"):
        raise ChapaError(401, "Transfers are processed from Monday to Saturday, 8:30 AM to 4:30 PM")


def _reference_used() -> ChapaError:
    return ChapaError(400, "Reference number has been used before")
