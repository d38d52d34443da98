"""``POST /pulltransactions/v1/register`` and ``/query``: the list of what customers have paid.

Source: Daraja, Pull Transactions. The page names no number of rows for one answer, so that is a setting.
"""

import asyncio
import re
import time
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.clock import NAIROBI
from simulator.daraja.confirmations import BUY_GOODS
from simulator.daraja.fields import SHORTCODE, read_digits, read_url
from simulator.daraja.identifiers import new_merchant_request_id
from simulator.daraja.ledger import Ledger, Movement
from simulator.daraja.oauth import Tokens
from simulator.daraja.validation import BUY_GOODS as STK_BUY_GOODS
from simulator.daraja.wire import Refusal, bad_field, read_object, strike_answer
from simulator.faults import FaultBox
from simulator.msisdn import normalise_msisdn
from simulator.settings import DarajaSettings
from simulator.store import Store

WINDOW_SECONDS = 48 * 3600
DONE, NOTHING = "1000", "1001"


def pull_token_refused() -> Refusal:
    return Refusal(401, "401.001", "Invalid Access Token")


class PullEndpoints:
    def __init__(
        self, settings: DarajaSettings, store: Store, tokens: Tokens, ledger: Ledger, faults: FaultBox
    ) -> None:
        self._settings = settings
        self._store = store
        self._tokens = tokens
        self._ledger = ledger
        self._faults = faults

    async def register(self, request: Request) -> Response:
        """Register once; again it says so and changes nothing."""
        body = await self._read(request)
        shortcode = self._own_shortcode(body)
        if body.get("RequestType") != "Pull":
            raise bad_field("RequestType")
        number = normalise_msisdn(str(body.get("NominatedNumber", "")))
        if number is None:
            raise bad_field("NominatedNumber")
        url = read_url(body, "CallBackURL")
        known = self._store.one("SELECT 1 FROM mpesa_pull WHERE shortcode = ?", (shortcode,))
        if known is None:
            self._store.execute(
                "INSERT INTO mpesa_pull (shortcode, nominated_number, callback_url) VALUES (?, ?, ?)",
                (shortcode, number, url),
            )
        answer = {
            "ResponseRefID": new_merchant_request_id(),
            "ResponseStatus": NOTHING if known else DONE,
            "ShortCode": shortcode,
            "ResponseDescription": "ShortCode already Registered" if known else "ShortCode Registered Successfully",
        }
        return await self._answer(answer)

    async def query(self, request: Request) -> Response:
        """List payments of the last 48 hours, oldest first, from a row onwards. The list is in a list."""
        body = await self._read(request)
        self._own_shortcode(body)
        start, end = _moment(body, "StartDate"), _moment(body, "EndDate")
        if end < start:
            raise bad_field("EndDate")
        offset = int(read_digits(body, "OffSetValue", r"[0-9]{1,9}"))
        rows = self._ledger.customer_payments(
            max(start, time.time() - WINDOW_SECONDS), end, limit=self._settings.pull_page, offset=offset
        )
        answer: dict[str, Any] = {
            "ResponseRefID": new_merchant_request_id(),
            "ResponseCode": DONE if rows else NOTHING,
            "ResponseMessage": "Success" if rows else "No transactions found",
            "Response": [[self._row(movement) for movement in rows]] if rows else "[[]]",
        }
        return await self._answer(answer)

    def clear(self) -> None:
        self._store.execute("DELETE FROM mpesa_pull")

    async def _read(self, request: Request) -> dict[str, Any]:
        self._tokens.check(request, pull_token_refused)
        return await read_object(request, bad_field("ShortCode"))

    def _own_shortcode(self, body: dict[str, Any]) -> str:
        shortcode = read_digits(body, "ShortCode", SHORTCODE)
        if not self._ledger.is_own(shortcode):
            raise bad_field("ShortCode")
        return shortcode

    def _row(self, movement: Movement) -> dict[str, Any]:
        at_till = movement.transaction_type in (BUY_GOODS, STK_BUY_GOODS)
        return {
            "transactionId": movement.receipt_number,
            "trxDate": f"{datetime.fromtimestamp(movement.completed_at, UTC):%Y-%m-%dT%H:%M:%SZ}",
            "msisdn": int(movement.other_party[3:]),
            "sender": "MPESA",
            "transactiontype": "c2b-buy-goods-debit" if at_till else "c2b-pay-bill-debit",
            "billreference": movement.reference,
            "amount": f"{movement.amount}.00",
            "organizationname": self._settings.merchant_name,
        }

    async def _answer(self, answer: dict[str, Any]) -> Response:
        faults = self._faults.draw("pull")
        for fault in faults:
            match fault.name:
                case "pull_token_expired":
                    self._tokens.expire_all()
                    raise pull_token_refused()
                case "pull_hang":
                    await asyncio.sleep(fault.parameters["seconds"])
                case "pull_keys_with_blanks":
                    answer = {_with_blanks(key): value for key, value in answer.items()}
        return strike_answer("pull", faults) or JSONResponse(answer)


def _moment(body: dict[str, Any], name: str) -> float:
    """Return the moment of a date and time in Nairobi."""
    value = body.get(name)
    try:
        return datetime.strptime(str(value), "%Y-%m-%d %H:%M:%S").replace(tzinfo=NAIROBI).timestamp()
    except (ValueError, OverflowError) as error:
        raise bad_field(name) from error


def _with_blanks(key: str) -> str:
    """Write ``ResponseStatus`` as ``Response Status``, as the sandbox was seen to do."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key)
