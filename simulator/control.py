"""The control API: books, deliveries, faults and automatic answers, for tests, benches and demonstrations."""

from decimal import Decimal
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.api import LARGEST_PAGE, read_json, read_msisdn, read_number, simulator_of
from simulator.daraja.auto_answers import BadAutoAnswer
from simulator.faults import BadFaults


def control_routes() -> list[Route]:
    return [
        Route("/books", show_books),
        Route("/deliveries", show_deliveries),
        Route("/reset", reset, methods=["POST"]),
        Route("/faults", show_faults),
        Route("/faults", set_faults, methods=["POST"]),
        Route("/faults", clear_faults, methods=["DELETE"]),
        Route("/auto-answer", show_auto_answers),
        Route("/auto-answer", set_auto_answer, methods=["POST"]),
        Route("/auto-answer", clear_auto_answers, methods=["DELETE"]),
    ]


async def show_books(request: Request) -> Response:
    """List payments, oldest first. Totals cover all that match, the list is one page of them."""
    simulator = simulator_of(request)
    msisdn = read_msisdn(request.query_params.get("msisdn"))
    reference = request.query_params.get("reference")
    payments: list[dict[str, Any]] = []
    for provider in simulator.providers.values():
        payments.extend(provider.books(msisdn=msisdn, reference=reference))
    limit, offset = read_number(request, "limit", LARGEST_PAGE), read_number(request, "offset", 0)
    return JSONResponse({"payments": payments[offset : offset + limit], "totals": _totals(payments)})


def _totals(payments: list[dict[str, Any]]) -> dict[str, Any]:
    counts = {"payments": len(payments), "waiting": 0, "successful": 0, "failed": 0}
    captured: dict[str, Decimal] = {}
    for payment in payments:
        counts[payment["status"]] += 1
        if payment["status"] == "successful":
            currency = payment["currency"]
            captured[currency] = captured.get(currency, Decimal("0.00")) + Decimal(payment["amount"])
    return {**counts, "captured": {currency: str(amount) for currency, amount in captured.items()}}


async def show_deliveries(request: Request) -> Response:
    listing = simulator_of(request).deliveries.listing(
        payment_id=request.query_params.get("payment_id"),
        limit=read_number(request, "limit", LARGEST_PAGE),
        offset=read_number(request, "offset", 0),
    )
    return JSONResponse(listing)


async def reset(request: Request) -> Response:
    await simulator_of(request).reset()
    return JSONResponse({"status": "reset"})


async def show_faults(request: Request) -> Response:
    return JSONResponse(simulator_of(request).faults.describe())


async def set_faults(request: Request) -> Response:
    faults = simulator_of(request).faults
    try:
        faults.configure(await read_json(request))
    except BadFaults as error:
        raise HTTPException(400, str(error)) from error
    return JSONResponse(faults.describe())


async def clear_faults(request: Request) -> Response:
    faults = simulator_of(request).faults
    faults.clear()
    return JSONResponse(faults.describe())


async def show_auto_answers(request: Request) -> Response:
    return JSONResponse({"auto_answers": simulator_of(request).daraja.auto_answers.listing()})


async def set_auto_answer(request: Request) -> Response:
    daraja = simulator_of(request).daraja
    try:
        daraja.auto_answers.add(await read_json(request))
    except BadAutoAnswer as error:
        raise HTTPException(400, str(error)) from error
    daraja.payments.answer_waiting_automatically()
    return JSONResponse({"auto_answers": daraja.auto_answers.listing()})


async def clear_auto_answers(request: Request) -> Response:
    daraja = simulator_of(request).daraja
    daraja.auto_answers.clear()
    return JSONResponse({"auto_answers": daraja.auto_answers.listing()})
