"""The checkout page's addresses: the page itself and its JSON API."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from simulator.api import simulator_of
from simulator.checkout.models import ActionUnknown, Checkout, CheckoutGone, CheckoutHost

ASSETS = Path(__file__).parent / "assets"
_PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'self'",
}


def checkout_routes() -> list[BaseRoute]:
    return [
        Route("/", show_page),
        Mount("/assets", StaticFiles(directory=ASSETS)),
        Route("/api/open", list_open),
        Route("/api/{provider}/{checkout_id}", show_checkout),
        Route("/api/{provider}/{checkout_id}/{action}", act, methods=["POST"]),
        Route("/{provider}/{checkout_id}", show_page),
    ]


async def show_page(_: Request) -> Response:
    """Show one checkout, or those that are open; the page itself asks which are known."""
    return FileResponse(ASSETS / "index.html", headers=_PAGE_HEADERS)


async def list_open(request: Request) -> Response:
    """List checkouts that wait for their customer, of one ``reference`` where it is given."""
    wanted = request.query_params.get("reference")
    found = [
        checkout.as_json()
        for host in simulator_of(request).checkout_hosts.values()
        for checkout in host.open_checkouts()
        if wanted in (None, checkout.reference)
    ]
    return JSONResponse({"checkouts": found})


async def show_checkout(request: Request) -> Response:
    _, checkout = _wanted(request)
    return JSONResponse(checkout.as_json())


async def act(request: Request) -> Response:
    """Do one of the checkout's actions; ``next`` is where the browser goes."""
    host, checkout = _wanted(request)
    try:
        following = host.act(checkout.id, request.path_params["action"])
    except ActionUnknown as error:
        raise HTTPException(404, "This checkout has no such action.") from error
    except CheckoutGone as error:
        raise HTTPException(409, "This checkout is no longer open.") from error
    return JSONResponse({"next": following})


def _wanted(request: Request) -> tuple[CheckoutHost, Checkout]:
    host = simulator_of(request).checkout_hosts.get(request.path_params["provider"])
    checkout = host.checkout(request.path_params["checkout_id"]) if host else None
    if host is None or checkout is None:
        raise HTTPException(404, "There is no such checkout.")
    return host, checkout
