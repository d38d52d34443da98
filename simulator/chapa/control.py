"""``/control/chapa``: what a customer's bank does."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.api import read_json, simulator_of


def chapa_control_routes() -> list[Route]:
    return [Route("/reversals", reverse, methods=["POST"])]


async def reverse(request: Request) -> Response:
    """Reverse a paid payment: ``{"reference": …}``, the merchant's ``tx_ref``."""
    payments = simulator_of(request).chapa.payments
    match await read_json(request):
        case {"reference": str(reference), **rest} if not rest:
            payment = payments.find(reference)
        case _:
            raise HTTPException(400, 'Send {"reference": …}.')
    if payment is None or payment.status != "success":
        raise HTTPException(404, "No paid payment has this reference.")
    payments.reverse(payment)
    return JSONResponse({"status": "reversed"})
