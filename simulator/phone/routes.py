"""The phone's page and its JSON API."""

import re
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from simulator.api import read_json, read_msisdn, simulator_of
from simulator.daraja.c2b_endpoints import BILL_REFERENCE_LENGTH
from simulator.daraja.c2b_payments import C2BOrder
from simulator.daraja.confirmations import BUY_GOODS, PAY_BILL
from simulator.daraja.fields import SHORTCODE
from simulator.daraja.payments import PromptGone, PromptUnknown
from simulator.daraja.results import PROCESSED, describe_result

ASSETS = Path(__file__).parent / "assets"
LARGEST_BALANCE = 1_000_000_000
_PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'self'",
}


def phone_routes() -> list[BaseRoute]:
    return [
        Route("/", show_page),
        Mount("/assets", StaticFiles(directory=ASSETS)),
        Route("/api/phones", list_phones),
        Route("/api/phones/{msisdn}/", set_phone, methods=["POST"]),
        Route("/api/prompts", list_prompts),
        Route("/api/prompts/{prompt_id}/answer", answer_prompt, methods=["POST"]),
        Route("/api/messages", list_messages),
        Route("/api/pay", pay, methods=["POST"]),
    ]


async def show_page(_: Request) -> Response:
    return FileResponse(ASSETS / "index.html", headers=_PAGE_HEADERS)


async def list_phones(request: Request) -> Response:
    """List phones, those with a live prompt first, the PIN of all of them, and whom they can pay.

    The phone named by ``msisdn`` is always among them.
    """
    chosen = read_msisdn(request.query_params.get("msisdn"))
    simulator = simulator_of(request)
    settings = simulator.settings.daraja
    return JSONResponse(
        {
            "phones": simulator.daraja.phones.listing(chosen),
            "pin": settings.pin,
            "merchant": {"name": settings.merchant_name, "shortcode": settings.shortcode, "till": settings.till},
        }
    )


async def set_phone(request: Request) -> Response:
    """Set ``balance`` (whole shillings), or unlock the PIN with ``unlock_pin``."""
    msisdn = _required_msisdn(request.path_params["msisdn"])
    wanted = await read_json(request)
    if not isinstance(wanted, dict) or not wanted or set(wanted) - {"balance", "unlock_pin"}:
        raise HTTPException(400, "Send an object with balance, unlock_pin or both.")
    balance = wanted.get("balance")
    whole = isinstance(balance, int) and not isinstance(balance, bool)
    if balance is not None and not (whole and 0 <= balance <= LARGEST_BALANCE):
        raise HTTPException(400, "balance must be a whole number of shillings, at least 0.")
    if not isinstance(wanted.get("unlock_pin", False), bool):
        raise HTTPException(400, "unlock_pin must be true or false.")
    phones = simulator_of(request).daraja.phones
    phones.set(msisdn, balance=balance, unlock_pin=wanted.get("unlock_pin", False))
    return JSONResponse(phones.describe(msisdn))


async def list_prompts(request: Request) -> Response:
    """List prompts on the screen of one phone, or of all when no ``msisdn`` is given."""
    payments = simulator_of(request).daraja.payments
    msisdn = read_msisdn(request.query_params.get("msisdn"))
    return JSONResponse({"prompts": [payments.describe_prompt(payment) for payment in payments.waiting(msisdn)]})


async def answer_prompt(request: Request) -> Response:
    """Type a PIN, cancel, or let the prompt time out now."""
    payments = simulator_of(request).daraja.payments
    prompt_id: str = request.path_params["prompt_id"]
    answer = await read_json(request)
    try:
        match answer:
            case {"pin": str(pin), **rest} if not rest:
                payment = payments.answer(prompt_id, pin)
            case {"action": "cancel", **rest} if not rest:
                payment = payments.cancel(prompt_id)
            case {"action": "timeout", **rest} if not rest:
                payment = payments.time_out(prompt_id)
            case _:
                raise HTTPException(400, 'Send {"pin": "1234"}, {"action": "cancel"} or {"action": "timeout"}.')
    except PromptUnknown as error:
        raise HTTPException(404, "No prompt has this id.") from error
    except PromptGone as error:
        raise HTTPException(409, "This prompt is no longer on the screen.") from error
    code = str(payment.result_code)
    result: dict[str, Any] = {
        "id": payment.checkout_request_id,
        "status": payment.status,
        "result_code": code,
        "result_desc": describe_result(code),
        "receipt_number": payment.receipt_number,
    }
    return JSONResponse(result)


async def pay(request: Request) -> Response:
    """Pay by paybill (``shortcode`` and ``account``) or at a ``till``, as a customer does from the M-PESA menu.

    It answers when M-Pesa has decided, which waits for the merchant's validation.
    """
    wanted = await read_json(request)
    if not isinstance(wanted, dict):
        raise HTTPException(400, "Send an object with msisdn, shortcode and account or till, amount, pin.")
    at_till = "till" in wanted
    fields = {"msisdn", "amount", "pin", *(("till",) if at_till else ("shortcode", "account"))}
    if set(wanted) != fields:
        raise HTTPException(400, f"Send {', '.join(sorted(fields))}, and nothing else.")
    if any(isinstance(value, bool) or not isinstance(value, str | int) for value in wanted.values()):
        raise HTTPException(400, "Every value must be text or a whole number.")
    given = {name: str(value).strip() for name, value in wanted.items()}
    number, account = given["till" if at_till else "shortcode"], given.get("account", "")
    if not re.fullmatch(SHORTCODE, number):
        raise HTTPException(400, f"{'The till' if at_till else 'The business number'} must have 5 to 7 digits.")
    if not at_till and (not 1 <= len(account) <= BILL_REFERENCE_LENGTH or not account.isprintable()):
        raise HTTPException(400, f"The account must have 1 to {BILL_REFERENCE_LENGTH} characters.")
    if not re.fullmatch(r"[0-9]{1,9}", given["amount"]) or int(given["amount"]) < 1:
        raise HTTPException(400, "The amount must be a whole number of shillings, at least 1.")
    order = C2BOrder(
        msisdn=_required_msisdn(given["msisdn"]),
        amount=int(given["amount"]),
        number=number,
        transaction_type=BUY_GOODS if at_till else PAY_BILL,
        reference=account,
    )
    outcome = await simulator_of(request).daraja.c2b.pay(order, given["pin"])
    return JSONResponse(
        {
            "status": "successful" if outcome.result_code == PROCESSED else "failed",
            "result_code": outcome.result_code,
            "result_desc": describe_result(outcome.result_code),
            "receipt_number": outcome.receipt_number,
            "text": outcome.text,
        }
    )


async def list_messages(request: Request) -> Response:
    msisdn = _required_msisdn(request.query_params.get("msisdn"))
    return JSONResponse({"messages": simulator_of(request).daraja.phones.messages(msisdn)})


def _required_msisdn(text: str | None) -> str:
    msisdn = read_msisdn(text)
    if msisdn is None:
        raise HTTPException(400, "Give a phone number as msisdn.")
    return msisdn
