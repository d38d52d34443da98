"""The fault run: M-Pesa payments through the simulator while callbacks go astray and the shop is being killed.

    python bench/faults.py [--payments 1000] [--seed N] [--seconds 1500] [--rate 4] [--kill-every 6] [--logs FOLDER]

A whole shop of its own is started on free ports: PostgreSQL (durable), Valkey, gunicorn, Celery, beat, relay and the
payment simulator. Customers order and pay over HTTP, at most ``--rate`` a second, and repeat what was not answered with
its Idempotency-Key. Meanwhile a random process is killed with SIGKILL every few seconds and started again, the broker
is emptied twice and PostgreSQL crashes once. What goes wrong with each payment is planned in ``fault_plan.py``.

When all is quiet the shop fetches M-Pesa's list, as it does every day, the time to pay ends for all open orders, and
the books are compared. The exit code is 1 when they differ in anything. ``--short`` leaves out what takes minutes.
The seed repeats a plan; what a kill hits is up to the scheduler.
"""

import argparse
import random
import sys
import threading
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg2
import requests

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import fault_books
from bench.fault_plan import PIN, Purchase, answers_of, plan, queue_of
from bench.stand import Stand

CUSTOMERS = 8  # at the same time
DEAREST = 100_000  # shillings; M-Pesa takes 250,000 at once
MOST_UNSENT = 40  # then new customers wait: what no worker takes within 90 s is not sent any more, and proves little
ANSWER_WITHIN = 90.0  # seconds; a customer who repeats gets a definite answer by then
SETTINGS = {"ORDER_RESERVATION_SECONDS": "7200"}  # it ends when the run says so, however slow the machine is
SIMULATOR = {"SIMULATOR_TOKEN_SECONDS": "120"}


class Customer:
    """Somebody with an account who repeats what was not answered."""

    def __init__(self, stand: Stand, number: int) -> None:
        self.stand = stand
        self.http = requests.Session()
        self.account = {"email": f"customer{number}@example.com", "password": "maji-ya-chai-7"}
        self.send("/api/auth/register/", self.account, {201})
        self.log_in()

    def log_in(self) -> None:
        self.http.headers.pop("Authorization", None)
        access = self.send("/api/auth/login/", self.account, {200})["access"]
        self.http.headers["Authorization"] = f"Bearer {access}"

    def send(self, path: str, body: Any, wanted: set[int]) -> Any:
        """Post with a key of its own until there is a definite answer.

        Raises:
            RuntimeError: it is another than ``wanted``, or none comes.
        """
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        deadline = time.monotonic() + ANSWER_WITHIN
        last = "no answer"
        while time.monotonic() < deadline:
            try:
                answer = self.http.post(f"{self.stand.url}{path}", json=body, headers=headers, timeout=15)
            except requests.RequestException as error:
                last = type(error).__name__
            else:
                if answer.status_code in wanted:
                    return answer.json()
                last = f"{answer.status_code} {answer.text[:200]}"
                if answer.status_code == 401:  # the access token has ended
                    self.log_in()
                elif answer.status_code not in (409, 429, 502, 503, 504):
                    break
            time.sleep(0.5)
        raise RuntimeError(f"POST {path}: {last}")

    def order(self, variant_id: str) -> dict[str, Any]:
        order: dict[str, Any] = self.send("/api/orders/", {"items": [{"variant_id": variant_id, "quantity": 1}]}, {201})
        return order

    def pay(self, order: dict[str, Any], purchase: Purchase) -> None:
        if purchase.scenario.by_paybill:
            amount = int(float(order["total_amount"]))
            body = {"msisdn": purchase.msisdn, "shortcode": "174379", "account": order["number"], "amount": amount}
            self.stand.tell_simulator("/phone/api/pay", {**body, "pin": PIN})
        else:
            body = {"order_id": order["id"], "method": "mpesa", "phone_number": f"+{purchase.msisdn}"}
            self.send("/api/payments/", body, {200, 201})


class Run:
    """The purchases of a run, as far as they have come."""

    def __init__(self, stand: Stand, purchases: list[Purchase], seed: int, rate: float) -> None:
        self.stand, self.purchases, self.rate = stand, purchases, rate
        # More than shop at the same time, and no more: hashing a password takes its time.
        self.people = [Customer(stand, number) for number in range(CUSTOMERS * max(1, len(purchases) // 200))]
        self.variants = random.Random(seed).sample(list(_units(stand)), len(purchases))
        self.orders: dict[str, tuple[Purchase, Customer, dict[str, Any]]] = {}  # by number
        self.started = 0
        self.unsent = 0  # requests for money that no worker has taken yet
        self.troubles: list[str] = []
        self.tries: Counter[str] = Counter()

    def buy_all(self, until: float) -> None:
        began = time.monotonic()

        def buy(number: int) -> None:
            time.sleep(max(0.0, began + number / self.rate - time.monotonic()))
            while self.unsent > MOST_UNSENT and time.monotonic() < until:
                time.sleep(0.2)
            if time.monotonic() > until:
                self.troubles.append(f"purchase {number} was not begun in time")
                return
            purchase, customer = self.purchases[number], self.people[number % len(self.people)]
            try:
                order = customer.order(self.variants[number])
                self.orders[order["number"]] = purchase, customer, order
                customer.pay(order, purchase)
            except Exception as error:  # noqa: BLE001 - the verdict names it
                self.troubles.append(f"purchase {number} ({purchase.scenario.name}): {error}")
            self.started += 1

        with ThreadPoolExecutor(CUSTOMERS) as pool:
            list(pool.map(buy, range(len(self.purchases))))

    def look(self) -> None:
        """Count what waits to be sent; a database that is away is not asked."""
        with suppress(psycopg2.OperationalError):
            ((self.unsent,),) = self.stand.sql("SELECT count(*) FROM payments_paymentattempt WHERE status = 'created'")

    def try_again(self) -> None:
        """Let the customers whose request was not sent, or met a busy provider, press the button once more."""
        for number, outcome in self.stand.sql(
            "SELECT o.number, a.outcome FROM payments_paymentattempt a JOIN payments_payment p ON p.id = a.payment_id"
            " JOIN orders_order o ON o.id = p.order_id WHERE o.status = 'pending' AND NOT EXISTS"
            " (SELECT 1 FROM payments_paymentattempt b WHERE b.payment_id = p.id AND b.created_at > a.created_at)"
            " AND a.status = 'failed' AND a.outcome IN ('not_sent', 'provider_busy', 'phone_busy')"
        ):
            purchase, customer, order = self.orders[number]
            if purchase.is_meant_to_pay and self.tries[number] < 2:  # the shop lets a phone be asked three times
                self.tries[number] += 1
                print(f"order {number}: {outcome}, the customer tries again", file=sys.stderr)
                try:
                    customer.pay(order, purchase)
                except RuntimeError as error:
                    self.troubles.append(f"order {number}: {error}")

    def is_quiet(self) -> bool:
        """Tell whether nothing is under way, and nobody asked about within minutes."""
        ((owed, live),) = self.stand.sql(
            "SELECT (SELECT count(*) FROM ecommerce_outboxmessage WHERE done_at IS NULL AND dead_at IS NULL),"
            " (SELECT count(*) FROM payments_paymentattempt WHERE next_query_at < now() + interval '200 seconds'"
            "  AND (status IN ('created', 'sending', 'pending')"
            "       OR (status = 'unknown' AND provider_reference IS NOT NULL)))"  # without it, whom to ask about?
        )
        states = self.stand.ask_simulator("/control/deliveries?limit=1")["states"]
        waiting = self.stand.ask_simulator("/control/books?limit=1")["totals"]["waiting"]
        return not any((owed, live, waiting, states.get("planned"), states.get("sending")))

    def wait_until_quiet(self, until: float) -> None:
        while not self.is_quiet():
            if time.monotonic() > until:
                self.troubles.append("the shop was not quiet in time")
                return
            self.try_again()
            time.sleep(2)


def _units(stand: Stand) -> Iterator[str]:
    """Give each unit in stock, by its variant's id."""
    for variant_id, available in stand.sql(
        "SELECT v.id::text, s.available FROM catalog_variant v JOIN catalog_stock s ON s.variant_id = v.id"
        " JOIN catalog_product p ON p.id = v.product_id"  # what is downloaded is delivered as soon as it is paid
        " WHERE v.price <= %s AND s.available > 0 AND p.kind = 'physical' ORDER BY v.sku",
        DEAREST,
    ):
        yield from [variant_id] * available


class Saboteur(threading.Thread):
    """Kills a process every few seconds and starts it again; empties the broker twice, crashes PostgreSQL once."""

    WAYS = ("worker", "worker child", "relay", "web", "web child", "beat")

    def __init__(self, stand: Stand, run: Run, seed: int, every: float) -> None:
        super().__init__(name="saboteur")
        self.stand, self.purchases, self.every = stand, run, every
        self.chance = random.Random(f"sabotage {seed}")
        self.done: Counter[str] = Counter()
        self.trouble = ""
        self._stop_asked = threading.Event()
        # At these parts of the purchases, in this order.
        self.milestones: list[tuple[float, str, Callable[[], None]]] = [
            (0.25, "broker emptied", stand.empty_broker),
            (0.45, "PostgreSQL crashed", lambda: stand.postgres.restart("immediate")),
            (0.65, "broker emptied", stand.empty_broker),
        ]

    def run(self) -> None:
        try:
            next_kill = time.monotonic() + self.every
            while not self._stop_asked.wait(0.5):
                self.stand.start_again()
                self.purchases.look()
                if time.monotonic() >= next_kill:
                    self._kill(self.chance.choice(self.WAYS))
                    next_kill = time.monotonic() + self.every
                part = self.purchases.started / len(self.purchases.purchases)
                if self.milestones and part >= self.milestones[0][0]:
                    _, name, do = self.milestones.pop(0)
                    do()
                    self.done[name] += 1
            self.stand.start_again()
        except Exception:  # noqa: BLE001 - a thread's failure must end up in the verdict
            self.trouble = traceback.format_exc()

    def _kill(self, way: str) -> None:
        name, _, child = way.partition(" ")
        if child:
            self.stand.kill_child(name, self.chance)
        else:
            self.stand.kill(name)
        self.done[f"{way} killed"] += 1

    def stop(self) -> None:
        self._stop_asked.set()
        self.join()


def violations(stand: Stand, run: Run, books: list[fault_books.OrderBooks]) -> list[str]:
    known = {order.number for order in books}
    return [
        *run.troubles,
        *(f"order {number} was accepted and is not there" for number in run.orders.keys() - known),
        *fault_books.wrong_orders(books),
        *fault_books.wrong_receipts(stand),
        *fault_books.lost_or_hidden(stand, books),
        *fault_books.wrong_elsewhere(stand),
    ]


def set_up(stand: Stand, purchases: list[Purchase]) -> None:
    """Tell Safaricom our addresses, and the simulator what is to happen."""
    stand.manage("check_mpesa_settings", "--register-c2b", "--register-pull", "0712345678", check=False)
    for rule in answers_of(purchases):
        stand.tell_simulator("/control/auto-answer", rule)
    for purchase in purchases:
        if purchase.scenario.answer == "too_little":
            stand.tell_simulator(f"/phone/api/phones/{purchase.msisdn}/", {"balance": 1})
    stand.tell_simulator("/control/faults", {"queue": queue_of(purchases)})


def faults_run(options: argparse.Namespace) -> int:
    began = time.monotonic()
    until = began + options.seconds
    purchases = plan(options.payments, options.seed, short=options.short)
    with Stand(settings=SETTINGS, simulator=SIMULATOR, concurrency=options.concurrency, logs=options.logs) as stand:
        set_up(stand, purchases)
        run = Run(stand, purchases, options.seed, options.rate)
        saboteur = Saboteur(stand, run, options.seed, options.kill_every)
        print(f"started in {time.monotonic() - began:.0f} s", file=sys.stderr)
        saboteur.start()
        try:
            run.buy_all(until)
        finally:
            saboteur.stop()
        if saboteur.trouble:
            run.troubles.append(saboteur.trouble)
        bought = time.monotonic()
        print(f"{run.started} purchases in {bought - began:.0f} s", file=sys.stderr)
        run.wait_until_quiet(until)
        quiet = time.monotonic()
        scenarios = {number: purchase.scenario.name for number, (purchase, _, _) in run.orders.items()}
        before = fault_books.order_books(stand, scenarios)
        hidden = list(fault_books.lost_or_hidden(stand, before))
        stand.manage("shell", "-c", "from payments.movements import fetch_movements; fetch_movements('mpesa')")
        run.wait_until_quiet(until)
        stand.sql("UPDATE orders_order SET reserved_until = now() - interval '1 second' WHERE status = 'pending'")
        stand.manage("shell", "-c", "from orders.services import cancel_unpaid_orders; cancel_unpaid_orders()")
        run.wait_until_quiet(until)
        books = fault_books.order_books(stand, scenarios)
        wrong = list(dict.fromkeys([*hidden, *violations(stand, run, books)]))
        print(fault_books.table_of(before))
        print("\nAfter M-Pesa's own list was fetched:\n")
        print(fault_books.table_of(books))
        done = ", ".join(f"{name} {count}×" for name, count in sorted(saboteur.done.items()))
        print(
            f"\nseed {options.seed}, {options.payments} payments; {done}; {stand.deaths} processes died by themselves"
        )
        print(f"bought in {bought - began:.0f} s, quiet {quiet - bought:.0f} s later")
    for line in wrong[:50]:
        print(f"WRONG: {line}")
    print("Verdict: " + (f"{len(wrong)} violations" if wrong else "the books agree to the cent, nothing was lost"))
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--seconds", type=float, default=1500, help="for all of it; then the run has failed")
    parser.add_argument("--rate", type=float, default=4.0, help="purchases begun in a second")
    parser.add_argument("--kill-every", type=float, default=6.0, help="seconds")
    parser.add_argument("--concurrency", type=int, default=4, help="children of the Celery worker")
    parser.add_argument("--short", action="store_true", help="leave out what takes minutes")
    parser.add_argument("--logs", type=Path, help="keep the processes' logs here")
    options = parser.parse_args()
    print(f"seed {options.seed}", file=sys.stderr)
    return faults_run(options)


if __name__ == "__main__":
    sys.exit(main())
