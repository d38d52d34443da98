"""The Starlette app: every provider's routes, the phone, the checkout page and the control API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from simulator.checkout.routes import checkout_routes
from simulator.control import control_routes
from simulator.core import Simulator
from simulator.daraja.wire import Refusal, refusal_response
from simulator.phone.routes import phone_routes
from simulator.settings import Settings


def create_app(settings: Settings | None = None) -> Starlette:
    """Build the simulator. Serve it with uvicorn: two faults need its connections, the timers its life span.

    Every provider answers under its name (``/stripe/v1/…``) and at the root, as its own host would (``/v1/…``).

    Raises:
        BadStateFile: the state file cannot be used.
    """
    simulator = Simulator(settings or Settings())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await simulator.start()
        yield
        await simulator.stop()

    routes: list[BaseRoute] = [
        Route("/", _to_phone),
        Route("/healthz", _health),
        Mount("/phone", routes=phone_routes()),
        Mount("/checkout", routes=checkout_routes()),
        Mount("/control", routes=control_routes()),
    ]
    for provider in simulator.providers.values():
        routes.append(Mount(f"/{provider.name}", routes=list(provider.routes())))
    for provider in simulator.providers.values():
        routes.extend(provider.routes())
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={HTTPException: _http_error, Refusal: _refused},
    )
    app.state.simulator = simulator
    return app


async def _to_phone(_: Request) -> Response:
    return RedirectResponse("/phone/")


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _http_error(request: Request, problem: Exception) -> Response:
    error = cast(HTTPException, problem)
    providers = request.app.state.simulator.providers
    first, _, rest = request.url.path.lstrip("/").partition("/")
    named = [providers[first]] if first in providers else providers.values()
    path = f"/{rest}" if first in providers else request.url.path
    for provider in named:
        if answer := provider.wire_error(error.status_code, path):
            return cast(Response, answer)
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)


async def _refused(_: Request, problem: Exception) -> Response:
    return refusal_response(cast(Refusal, problem))
