"""The control API: books, statements, deliveries, faults, webhooks and customers who act by themselves."""

import time
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from simulator.api import LARGEST_PAGE, read_json, read_msisdn, read_number, simulator_of
from simulator.chapa.control import chapa_control_routes
from simulator.checkout.auto import BadAutoCheckout
from simulator.clock import nairobi
from simulator.core import HasStatement, PaysOut, Simulator
from simulator.daraja.auto_answers import BadAutoAnswer
from simulator.faults import BadFaults
from simulator.outbound import loopback_addresses
from simulator.paystack.dispute_control import dispute_control_routes

LONGEST_PAUSE = 86_400
MOST_TRIES = 100


def control_routes() -> list[BaseRoute]:
    return [
        Route("/books", show_books),
        Route("/statement/{provider}.csv", download_statement),
        Route("/deliveries", show_deliveries),
        Route("/webhooks", show_webhooks),
        Route("/webhooks", set_webhooks, methods=["POST"]),
        Route("/reset", reset, methods=["POST"]),
        Route("/faults", show_faults),
        Route("/faults", set_faults, methods=["POST"]),
        Route("/faults", clear_faults, methods=["DELETE"]),
        Route("/auto-answer", show_auto_answers),
        Route("/auto-answer", set_auto_answer, methods=["POST"]),
        Route("/auto-answer", clear_auto_answers, methods=["DELETE"]),
        Route("/auto-checkout", show_auto_checkouts),
        Route("/auto-checkout", set_auto_checkout, methods=["POST"]),
        Route("/auto-checkout", clear_auto_checkouts, methods=["DELETE"]),
        Mount("/paystack", routes=dispute_control_routes()),
        Mount("/chapa", routes=chapa_control_routes()),
    ]


# --- books and statements


async def show_books(request: Request) -> Response:
    """List payments and payouts, oldest first. Totals cover all that match, the lists are one page of them."""
    simulator = simulator_of(request)
    msisdn = read_msisdn(request.query_params.get("msisdn"))
    reference = request.query_params.get("reference")
    payments: list[dict[str, Any]] = []
    payouts: list[dict[str, Any]] = []
    for provider in simulator.providers.values():
        payments.extend(provider.books(msisdn=msisdn, reference=reference))
        if isinstance(provider, PaysOut):
            payouts.extend(provider.payouts(msisdn=msisdn, reference=reference))
    limit, offset = read_number(request, "limit", LARGEST_PAGE), read_number(request, "offset", 0)
    return JSONResponse(
        {
            "payments": payments[offset : offset + limit],
            "payouts": payouts[offset : offset + limit],
            "totals": _totals(payments, payouts),
        }
    )


def _totals(payments: list[dict[str, Any]], payouts: list[dict[str, Any]]) -> dict[str, Any]:
    counts = {"payments": len(payments), "waiting": 0, "successful": 0, "failed": 0}
    for payment in payments:
        counts[payment["status"]] += 1
    refunds = [
        {**refund, "currency": payment["currency"]} for payment in payments for refund in payment.get("refunds", ())
    ]
    return {
        **counts,
        "captured": _sums(payments),
        "refunded": _sums(refunds),
        "paid_out": _sums(payouts),
    }


def _sums(entries: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Add up what was successful, by currency."""
    sums: dict[str, Decimal] = {}
    for entry in entries:
        if entry["status"] == "successful":
            currency = entry["currency"]
            sums[currency] = sums.get(currency, Decimal("0.00")) + Decimal(entry["amount"])
    return {currency: str(amount) for currency, amount in sums.items()}


async def download_statement(request: Request) -> Response:
    """Give out a provider's statement of one day in Nairobi, today's where no ``date`` is given."""
    name = request.path_params["provider"]
    provider = simulator_of(request).providers.get(name)
    if not isinstance(provider, HasStatement):
        raise HTTPException(404, f"There is no statement of {name}.")
    text = request.query_params.get("date")
    try:
        day = date.fromisoformat(text) if text else nairobi(time.time()).date()
    except ValueError as error:
        raise HTTPException(400, "date must be like 2026-11-21.") from error
    headers = {"Content-Disposition": f'attachment; filename="{name}-{day}.csv"'}
    return Response(provider.statement(day), media_type="text/csv; charset=utf-8", headers=headers)


# --- what goes out


async def show_deliveries(request: Request) -> Response:
    listing = simulator_of(request).deliveries.listing(
        payment_id=request.query_params.get("payment_id"),
        limit=read_number(request, "limit", LARGEST_PAGE),
        offset=read_number(request, "offset", 0),
    )
    return JSONResponse(listing)


async def show_webhooks(request: Request) -> Response:
    return JSONResponse(_webhooks(simulator_of(request)))


async def set_webhooks(request: Request) -> Response:
    """Set webhook addresses by provider, empty for none.

    ``retry_seconds`` is a list of pauses that stands in for the providers' own, null gives them these back.
    """
    simulator = simulator_of(request)
    wanted = await read_json(request)
    if not isinstance(wanted, dict) or not wanted or set(wanted) - {*simulator.checkout_hosts, "retry_seconds"}:
        names = ", ".join(simulator.checkout_hosts)
        raise HTTPException(400, f"Send an object with webhook addresses by provider ({names}) or retry_seconds.")
    pauses = wanted.pop("retry_seconds", simulator.deliveries.shorter_retries)
    if pauses is not None and not _are_pauses(pauses):
        raise HTTPException(400, f"retry_seconds must be null or a list of pauses from 0 to {LONGEST_PAUSE}.")
    for name, url in wanted.items():
        if url != "" and not _is_local_address(url):
            raise HTTPException(400, f"The webhook address of {name} must be a URL of this machine, or empty.")
    simulator.deliveries.shorter_retries = None if pauses is None else tuple(float(pause) for pause in pauses)
    for name, url in wanted.items():
        simulator.checkout_hosts[name].webhook_url = url
    return JSONResponse(_webhooks(simulator))


def _webhooks(simulator: Simulator) -> dict[str, Any]:
    addresses = {name: host.webhook_url for name, host in simulator.checkout_hosts.items()}
    return {**addresses, "retry_seconds": simulator.deliveries.shorter_retries}


def _is_local_address(url: Any) -> bool:
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or not loopback_addresses(url):
        return False
    return urlsplit(url).scheme in ("http", "https")


def _are_pauses(pauses: Any) -> bool:
    return (
        isinstance(pauses, list | tuple)
        and len(pauses) <= MOST_TRIES
        and all(isinstance(pause, int | float) and not isinstance(pause, bool) for pause in pauses)
        and all(0 <= pause <= LONGEST_PAUSE for pause in pauses)
    )


async def reset(request: Request) -> Response:
    await simulator_of(request).reset()
    return JSONResponse({"status": "reset"})


# --- what goes wrong


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


# --- customers who act by themselves


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


async def show_auto_checkouts(request: Request) -> Response:
    return JSONResponse({"auto_checkouts": simulator_of(request).auto_checkouts.listing()})


async def set_auto_checkout(request: Request) -> Response:
    rules = simulator_of(request).auto_checkouts
    try:
        rules.add(await read_json(request))
    except BadAutoCheckout as error:
        raise HTTPException(400, str(error)) from error
    return JSONResponse({"auto_checkouts": rules.listing()})


async def clear_auto_checkouts(request: Request) -> Response:
    rules = simulator_of(request).auto_checkouts
    rules.clear()
    return JSONResponse({"auto_checkouts": rules.listing()})
