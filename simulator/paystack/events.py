"""Paystack's webhooks: signing them, and the plans by which they go out."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable
from typing import Any

from simulator.deliveries import Callback, Deliveries
from simulator.faults import Fault
from simulator.webhooks import Outgoing

PROVIDER = "paystack"
SIGNATURE = "x-paystack-signature"
# Every 3 minutes for the first tries, then hourly. Source: Paystack documentation, Webhooks.
RETRIES = (180.0,) * 3 + (3600.0,) * 72


def sign(secret_key: str, body: str) -> str:
    """Return the HMAC-SHA512 of the raw body under the API's secret key, in lower-case hex."""
    return hmac.new(secret_key.encode(), body.encode(), hashlib.sha512).hexdigest()


def write(event: str, data: Any) -> str:
    """Return an event as Paystack's server writes it: compact, letters of any script as they are."""
    return json.dumps({"event": event, "data": data}, separators=(",", ":"), ensure_ascii=False)


class Events:
    """``address`` says where webhooks go at the moment; empty: nowhere, and nothing is recorded."""

    def __init__(self, secret_key: str, deliveries: Deliveries, address: Callable[[], str]) -> None:
        self._secret_key = secret_key
        self._deliveries = deliveries
        self._address = address

    def send(
        self,
        payment_id: str,
        event: str,
        data: Any,
        *,
        prefix: str,
        faults: Iterable[Fault] = (),
        before: tuple[Callback, ...] = (),
        after: tuple[Callback, ...] = (),
    ) -> None:
        """Send an event with the faults whose names have this prefix. In a transaction: nothing goes if it fails."""
        if not self._address():
            return
        struck = {fault.name: fault for fault in faults}
        key = "another-secret" if f"{prefix}_bad_signature" in struck else self._secret_key
        callback = self._callback(event, data, key)
        plan = Outgoing(PROVIDER, payment_id, prefix, callback, struck, before, after).plan()
        self._deliveries.start(plan, self._deliveries.record(plan))

    def right(self, event: str, data: Any) -> Callback:
        """Return a webhook that goes out beside another."""
        return self._callback(event, data, self._secret_key)

    def forged(self, event: str, data: Any) -> Callback:
        """Return what somebody sends who does not have the key; nobody sends it twice."""
        body = write(event, data)
        headers = {"Content-Type": "application/json", SIGNATURE: sign("guessed", body)}
        return Callback(self._address(), headers, body, note="forged")

    def _callback(self, event: str, data: Any, key: str) -> Callback:
        body = write(event, data)
        headers = {"Content-Type": "application/json", SIGNATURE: sign(key, body)}
        return Callback(self._address(), headers, body, retries=RETRIES)

    async def wait_for_first(self, payment_id: str, seconds: float) -> None:
        """Wait until a payment's first webhook is through."""
        if self._address():
            await self._deliveries.wait_for_first(payment_id, seconds)

    def send_forged(self, payment_id: str, event: str, data: Any) -> None:
        """Send a forged event alone."""
        if not self._address():
            return
        plan = Outgoing(PROVIDER, payment_id, "forged", self.forged(event, data), {}).plan()
        self._deliveries.start(plan, self._deliveries.record(plan))
