"""The Starlette app: every provider's routes, the phone and the control API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from simulator.control import control_routes
from simulator.core import Simulator
from simulator.daraja.wire import Refusal, refusal_response
from simulator.phone.routes import phone_routes
from simulator.settings import Settings

_GATEWAY_ERRORS = {404: ("404.001.01", "Resource not found"), 405: ("405.001", "Method Not Allowed")}


def create_app(settings: Settings | None = None) -> Starlette:
    """Build the simulator. Serve it with uvicorn: two faults need its connections, the timers its life span.

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
        Mount("/control", routes=control_routes()),
    ]
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
    prefixes = request.app.state.simulator.daraja.path_prefixes
    if request.url.path.startswith(prefixes) and error.status_code in _GATEWAY_ERRORS:
        code, message = _GATEWAY_ERRORS[error.status_code]
        return refusal_response(Refusal(error.status_code, code, message))
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)


async def _refused(_: Request, problem: Exception) -> Response:
    return refusal_response(cast(Refusal, problem))
