"""Tokens: giving them out and checking them."""

import asyncio
import base64
import binascii
import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.daraja.identifiers import new_token
from simulator.daraja.wire import Refusal, invalid_access_token, strike_answer
from simulator.faults import FaultBox
from simulator.settings import DarajaSettings
from simulator.store import Store


class Tokens:
    def __init__(self, settings: DarajaSettings, store: Store) -> None:
        self._settings = settings
        self._store = store

    def issue(self) -> str:
        """Make a new token; by default it ends the one before it."""
        token, now = new_token(), time.time()
        with self._store.transaction():
            if self._settings.single_token:
                self.expire_all()
            else:
                self._store.execute("DELETE FROM mpesa_token WHERE expires_at <= ?", (now,))
            self._store.execute(
                "INSERT INTO mpesa_token (token, expires_at) VALUES (?, ?)",
                (token, now + self._settings.token_seconds),
            )
        return token

    def check(self, request: Request, refused: Callable[[], Refusal] = invalid_access_token) -> None:
        """Refuse a request without a living token, in the words of the product that was asked.

        Raises:
            Refusal: for STK 404 in every case, as Safaricom has it.
        """
        header = request.headers.get("authorization")
        if header is None:
            raise refused()
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise Refusal(404, "404.001.04", "Invalid Authentication Header")
        known = self._store.one(
            "SELECT 1 FROM mpesa_token WHERE token = ? AND expires_at > ?", (token.strip(), time.time())
        )
        if known is None:
            raise refused()

    def expire_all(self) -> None:
        self._store.execute("DELETE FROM mpesa_token")


class OAuthEndpoint:
    def __init__(self, settings: DarajaSettings, tokens: Tokens, faults: FaultBox) -> None:
        self._settings = settings
        self._tokens = tokens
        self._faults = faults

    async def generate(self, request: Request) -> Response:
        self._check_credentials(request)
        if request.query_params.get("grant_type") != "client_credentials":
            raise Refusal(400, "400.008.02", "Invalid grant type passed")
        faults = self._faults.draw("oauth")
        for fault in faults:
            if fault.name == "oauth_hang":
                await asyncio.sleep(fault.parameters["seconds"])
        if instead := strike_answer("oauth", faults):
            return instead
        token = self._tokens.issue()
        # Text, not a number: that is how most traffic has it.
        return JSONResponse({"access_token": token, "expires_in": str(int(self._settings.token_seconds))})

    def _check_credentials(self, request: Request) -> None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(encoded.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            given = ""
        if scheme.lower() != "basic" or given != f"{self._settings.consumer_key}:{self._settings.consumer_secret}":
            raise Refusal(400, "400.008.01", "Invalid Authentication passed")
