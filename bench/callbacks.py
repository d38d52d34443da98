"""Callbacks at a steady rate, whatever the answers take, while Celery works on what they bring.

    python bench/callbacks.py [--rate 200] [--seconds 20] [--rounds 4]

A whole shop is started as for bench/faults.py: gunicorn with 2 workers of 4 threads, Celery, relay, beat, simulator.
Three kinds of request take turns, each on a connection of its own, as nginx sends them:

    bare      a second gunicorn of the same make whose application reads the body and answers: the machine's floor
    callback  M-Pesa's STK callbacks, each of another payment: stored, answered, then asked about and settled by Celery
    webhook   Paystack's webhooks, signed; each of another event

A time begins when the request was due, so what waits because an earlier one was slow is slow as well. The exit code is
1 when a request failed or a stored callback is missing, or when the 99th percentile is over the target.
"""

import argparse
import hashlib
import hmac
import json
import math
import os
import selectors
import socket
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.stand import ROOT, Stand, wait_for
from launcher.ports import free_port
from launcher.process import ManagedProcess

TARGET = 100.0  # milliseconds, at the 99th percentile
PAYSTACK_KEY = "sk_test_of_a_bench"
BARE_ANSWER = b'{"ResultCode":0,"ResultDesc":"Accepted"}'


def bare(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Read the body and answer: what no application can be faster than."""
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(BARE_ANSWER)))])
    return [BARE_ANSWER]


@dataclass
class Sent:
    """One request under way. ``due`` is when it should have been sent."""

    due: float
    rest: bytes
    answer: bytes = b""


@dataclass
class Seen:
    took: list[float] = field(default_factory=list)  # seconds
    errors: list[str] = field(default_factory=list)

    def at(self, part: float) -> float:
        """Return a percentile in milliseconds."""
        ordered = sorted(self.took)
        return ordered[min(math.ceil(len(ordered) * part), len(ordered)) - 1] * 1000 if ordered else math.nan


def load(port: int, requests: Iterable[bytes], rate: float, seen: Seen) -> None:
    """Send requests at ``rate`` a second, each on its own connection, and wait for all answers."""
    began = time.perf_counter()
    waiting = [(began + number / rate, request) for number, request in enumerate(requests)]
    waiting.reverse()
    with selectors.DefaultSelector() as selector:
        while waiting or selector.get_map():
            now = time.perf_counter()
            while waiting and waiting[-1][0] <= now:
                due, request = waiting.pop()
                client = socket.socket()
                client.setblocking(False)
                client.connect_ex(("127.0.0.1", port))
                selector.register(client, selectors.EVENT_WRITE, Sent(due, request))
            pause = max(0.0, waiting[-1][0] - time.perf_counter()) if waiting else 0.5
            for key, _ in selector.select(pause):
                _go_on(selector, key, seen)
            for key in list(selector.get_map().values()):
                if time.perf_counter() - key.data.due > 30:
                    _end(selector, key, seen, "no answer in 30 s")


def _go_on(selector: selectors.BaseSelector, key: selectors.SelectorKey, seen: Seen) -> None:
    client: Any = key.fileobj
    sent: Sent = key.data
    try:
        if sent.rest:
            sent.rest = sent.rest[client.send(sent.rest) :]
            if not sent.rest:
                selector.modify(client, selectors.EVENT_READ, sent)
            return
        part = client.recv(65_536)
    except OSError as error:
        _end(selector, key, seen, type(error).__name__)
        return
    sent.answer += part
    if not part:  # the server closes after its answer
        status = sent.answer[9:12].decode(errors="replace")
        _end(selector, key, seen, "" if status == "200" else f"answered {status or 'nothing'}")


def _end(selector: selectors.BaseSelector, key: selectors.SelectorKey, seen: Seen, error: str) -> None:
    client: Any = key.fileobj
    selector.unregister(client)
    client.close()
    if error:
        seen.errors.append(error)
    else:
        seen.took.append(time.perf_counter() - key.data.due)


def post(path: str, body: bytes, **headers: str) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json;charset=UTF-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def stk_callback(number: int) -> bytes:
    receipt = f"UKL{number:07d}"
    items = {
        "Amount": 1500.0,
        "MpesaReceiptNumber": receipt,
        "TransactionDate": 20261121104531,
        "PhoneNumber": 254712345678,
    }
    callback = {
        "MerchantRequestID": f"29115-{number}-1",
        "CheckoutRequestID": request_id(number),
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "CallbackMetadata": {"Item": [{"Name": name, "Value": value} for name, value in items.items()]},
    }
    return json.dumps({"Body": {"stkCallback": callback}}).encode()


def request_id(number: int) -> str:
    return f"ws_CO_bench_{number}"


def token(number: int) -> str:
    return f"secret-of-payment-{number:08d}-of-a-bench"


def webhook() -> bytes:
    event = {"event": "charge.success", "data": {"id": uuid.uuid4().int >> 80, "reference": uuid.uuid4().hex}}
    body = json.dumps(event).encode()
    signature = hmac.new(PAYSTACK_KEY.encode(), body, hashlib.sha512).hexdigest()
    return post("/api/payments/webhooks/paystack/", body, X_Paystack_Signature=signature)


def make_payments(stand: Stand, count: int) -> None:
    """Store payments whose prompts are on their customers' phones."""
    os.environ.update(stand.environment | {"DJANGO_SETTINGS_MODULE": "ecommerce.settings"})
    import django

    django.setup()
    from decimal import Decimal

    from django.utils import timezone

    from orders.models import Order
    from payments.attempts import token_hash
    from payments.models import Payment, PaymentAttempt

    amount, now = Decimal("1500.00"), timezone.now()
    sums = {"subtotal": amount, "discount": 0, "shipping": 0, "tax": 0, "total_amount": amount}
    orders = Order.objects.bulk_create(
        Order(currency="KES", email=f"c{number}@example.com", payment_open=True, **sums) for number in range(count)
    )
    payments = Payment.objects.bulk_create(
        Payment(order=order, amount=amount, currency="KES", method="mpesa", provider="mpesa") for order in orders
    )
    PaymentAttempt.objects.bulk_create(
        PaymentAttempt(
            payment=payment,
            provider="mpesa",
            method="mpesa",
            status=PaymentAttempt.Status.PENDING,
            amount=amount,
            currency="KES",
            phone_number="+254712345678",
            reference=f"bench-{number}",
            provider_reference=request_id(number),
            callback_token_hash=token_hash(token(number)),
            sent_at=now,
            next_query_at=now + timedelta(hours=1),
        )
        for number, payment in enumerate(payments)
    )


def serve_bare(stand: Stand) -> int:
    port = free_port()
    argv = [sys.executable, "-m", "gunicorn", "bench.callbacks:bare", "--bind", f"127.0.0.1:{port}"]
    bare_web = ManagedProcess(
        "bare",
        [*argv, "--workers", "2", "--threads", "4"],
        log=stand.logs / "bare.log",
        environment=stand.environment,
        folder=ROOT,
    )
    stand.processes["bare"] = bare_web
    bare_web.start()

    def answers() -> bool:
        seen = Seen()
        load(port, [post("/", b"{}")], 1, seen)
        return not seen.errors

    wait_for(answers, seconds=30)
    return port


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=200, help="requests a second")
    parser.add_argument("--seconds", type=float, default=20, help="of each kind, over all rounds")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--logs", type=Path, help="keep the processes' logs here")
    options = parser.parse_args()
    each = int(options.rate * options.seconds / options.rounds)
    settings = {
        "PAYMENT_PROVIDERS": "mpesa,paystack",
        "PAYSTACK_SECRET_KEY": PAYSTACK_KEY,
        "MPESA_CALLBACK_ADDRESSES": "127.0.0.1",  # as in production, where Safaricom's are listed
    }
    seen: defaultdict[str, Seen] = defaultdict(Seen)
    with Stand(settings=settings, logs=options.logs) as stand:
        make_payments(stand, each * options.rounds)
        bare_port = serve_bare(stand)
        settled = 0
        for turn in range(options.rounds):
            numbers = range(turn * each, (turn + 1) * each)
            callbacks = [post(f"/api/payments/mpesa/callback/{token(n)}/", stk_callback(n)) for n in numbers]
            load(bare_port, [post("/", stk_callback(n)) for n in numbers], options.rate, seen["bare"])
            load(stand.port, callbacks, options.rate, seen["callback"])
            ((settled,),) = stand.sql("SELECT count(*) FROM payments_payment WHERE status = 'successful'")
            load(stand.port, [webhook() for _ in numbers], options.rate, seen["webhook"])
            print(f"round {turn + 1} of {options.rounds}; payments settled so far: {settled}", file=sys.stderr)
        kept = dict(stand.sql("SELECT provider, count(*)::int FROM payments_providerevent GROUP BY 1"))
    report(seen, options.rate)
    missing = len(seen["callback"].took) - kept.get("mpesa", 0) + len(seen["webhook"].took) - kept.get("paystack", 0)
    print(f"accepted and not stored: {missing}; payments settled by Celery meanwhile: {settled}")
    failed = missing or any(one.errors for one in seen.values())
    slow = [name for name, one in seen.items() if one.at(0.99) >= TARGET]
    print(f"p99 under {TARGET:.0f} ms: " + ("no, " + ", ".join(slow) if slow else "yes"))
    return 1 if failed or slow else 0


def report(seen: dict[str, Seen], rate: float) -> None:
    floor = seen["bare"]
    print(f"{rate:.0f} requests a second, milliseconds from the moment each was due\n")
    print(
        f"{'':<10}{'sent':>7}{'errors':>8}{'p50':>8}{'p95':>8}{'p99':>8}{'max':>8}{'p50 ÷ bare':>13}{'p99 ÷ bare':>13}"
    )
    for name, one in seen.items():
        times = "".join(f"{one.at(part):>8.1f}" for part in (0.5, 0.95, 0.99, 1))
        ratios = "".join(f"{one.at(part) / floor.at(part):>13.1f}" for part in (0.5, 0.99))
        print(f"{name:<10}{len(one.took) + len(one.errors):>7}{len(one.errors):>8}{times}{ratios}")
    for name, one in seen.items():
        for error in sorted(set(one.errors)):
            print(f"{name}: {one.errors.count(error)} × {error}")


if __name__ == "__main__":
    sys.exit(main())
