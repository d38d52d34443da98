"""``/control/paystack/disputes``: what customers and their banks do."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.api import read_json, simulator_of
from simulator.documents import Document
from simulator.paystack.disputes import CATEGORIES, RESOLVED, WAITS_FOR_BANK

DUE_SECONDS = 4 * 86_400


def dispute_control_routes() -> list[Route]:
    return [
        Route("/disputes", open_dispute, methods=["POST"]),
        Route("/disputes/{id}/remind", remind, methods=["POST"]),
        Route("/disputes/{id}/decide", decide, methods=["POST"]),
    ]


async def open_dispute(request: Request) -> Response:
    """Open a dispute: ``{"reference": …, "category": "chargeback", "amount": null, "due_seconds": 345600}``.

    ``amount`` is in hundredths, everything where it is not given.
    """
    paystack = simulator_of(request).paystack
    match await read_json(request):
        case {"reference": str(reference), **rest} if not set(rest) - {"category", "amount", "due_seconds"}:
            transaction = paystack.transactions.find(reference)
        case _:
            raise HTTPException(400, 'Send {"reference": …} with category, amount or due_seconds.')
    if transaction is None or not transaction.is_paid:
        raise HTTPException(404, "No paid transaction has this reference.")
    amount, seconds = rest.get("amount", transaction.amount), rest.get("due_seconds", DUE_SECONDS)
    if isinstance(amount, bool) or not isinstance(amount, int) or not 0 < amount <= transaction.amount:
        raise HTTPException(400, "amount must be a whole number of hundredths, at most the transaction's.")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 10**7:
        raise HTTPException(400, "due_seconds must be a number of seconds.")
    category = rest.get("category", CATEGORIES[0])
    if not isinstance(category, str) or category not in CATEGORIES:
        raise HTTPException(400, f"category must be one of: {', '.join(CATEGORIES)}.")
    dispute = paystack.disputes.open(transaction, amount=amount, category=category, due_seconds=seconds)
    return JSONResponse(paystack.disputes.shown(dispute))


async def remind(request: Request) -> Response:
    disputes = simulator_of(request).paystack.disputes
    dispute = _wanted(request)
    if dispute["status"] == RESOLVED:
        raise HTTPException(409, "The dispute is resolved.")
    disputes.remind(dispute)
    return JSONResponse(disputes.shown(dispute))


async def decide(request: Request) -> Response:
    """Let the bank decide a dispute that the merchant declined: ``{"merchant_wins": true}``."""
    disputes = simulator_of(request).paystack.disputes
    dispute = _wanted(request)
    wanted = await read_json(request)
    if not isinstance(wanted, dict) or not isinstance(wanted.get("merchant_wins"), bool):
        raise HTTPException(400, 'Send {"merchant_wins": true} or false.')
    if dispute["status"] != WAITS_FOR_BANK:
        raise HTTPException(409, "The dispute does not wait for the bank.")
    return JSONResponse(disputes.shown(disputes.decide(dispute, merchant_wins=wanted["merchant_wins"])))


def _wanted(request: Request) -> Document:
    dispute = simulator_of(request).paystack.disputes.get(request.path_params["id"])
    if dispute is None:
        raise HTTPException(404, "There is no such dispute.")
    return dispute
