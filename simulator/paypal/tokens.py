"""Access tokens: giving them out and checking them. ``/v1/oauth2/token``."""

import base64
import binascii
import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.faults import FaultBox
from simulator.forms import BadForm, parse_form
from simulator.paypal.errors import PayPalError, TokenError, unknown_token
from simulator.paypal.identifiers import new_debug_id, new_nonce, new_token
from simulator.paypal.wire import answer, refuse, struck_by
from simulator.settings import PayPalSettings
from simulator.store import Store

TOKEN_SECONDS = 32_400
STAGE = "paypal.oauth"
_SCOPE = (
    "https://uri.paypal.com/services/payments/payment https://uri.paypal.com/services/payments/refund"
    " https://uri.paypal.com/services/applications/webhooks https://uri.paypal.com/payments/payouts"
    " https://uri.paypal.com/services/disputes/read-seller openid"
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS paypal_token (
    token TEXT PRIMARY KEY,
    expires_at REAL NOT NULL
);
"""


class Tokens:
    def __init__(self, settings: PayPalSettings, store: Store, faults: FaultBox) -> None:
        self._credentials = f"{settings.client_id}:{settings.client_secret}"
        self._store = store
        self._faults = faults

    def routes(self) -> list[Route]:
        return [Route("/v1/oauth2/token", self._issue, methods=["POST"])]

    async def _issue(self, request: Request) -> Response:
        debug_id = new_debug_id()
        try:
            self._check_credentials(request)
            await _check_grant(request)
        except TokenError as error:
            return refuse(error, debug_id)
        struck = struck_by(STAGE, self._faults.draw(STAGE), debug_id)
        if instead := await struck.instead():
            return instead
        token, now = new_token(), time.time()
        self._store.execute("DELETE FROM paypal_token WHERE expires_at <= ?", (now,))
        self._store.execute("INSERT INTO paypal_token (token, expires_at) VALUES (?, ?)", (token, now + TOKEN_SECONDS))
        body = {
            "scope": _SCOPE,
            "access_token": token,
            "token_type": "Bearer",
            "app_id": "APP-80W284485P519543T",
            "expires_in": TOKEN_SECONDS,
            "nonce": new_nonce(now),
        }
        return await struck.answer(answer(body, debug_id))

    def _check_credentials(self, request: Request) -> None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(encoded.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            given = ""
        if scheme.lower() != "basic" or given != self._credentials:
            raise TokenError(401, "invalid_client", "Client Authentication failed")

    def check(self, request: Request) -> None:
        """Refuse a request without a living token.

        Raises:
            PayPalError: there is no token at all.
            TokenError: the token is unknown or has ended.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise PayPalError(401)
        known = self._store.one(
            "SELECT 1 FROM paypal_token WHERE token = ? AND expires_at > ?", (token.strip(), time.time())
        )
        if known is None:
            raise unknown_token()

    def expire_all(self) -> None:
        self._store.execute("DELETE FROM paypal_token")


async def _check_grant(request: Request) -> None:
    try:
        form = parse_form((await request.body()).decode())
    except (UnicodeDecodeError, BadForm) as error:
        raise TokenError(400, "invalid_request", "The request cannot be read") from error
    grant = form.get("grant_type")
    if not grant:
        raise TokenError(400, "unsupported_grant_type", "Grant Type is NULL")
    if grant != "client_credentials":
        raise TokenError(400, "unsupported_grant_type", "unsupported grant_type")
