"""Real baskets, placed and paid through the shop's API, and the books looked at afterwards.

    python bench/replay.py FILE [--baskets N] [--clients N] [--seconds S] [--logs DIR]

FILE has order lines in the form of "Online Retail" (bench/replay_plan.py), plain or .gz. Its stock codes are put on
sale in a shop of real processes that is thrown away; each basket is ordered by its customer and paid by M-Pesa on the
simulator, above M-Pesa's limit by card through Paystack's wire, and the shop's own workers settle it. What the file
takes back is cancelled afterwards, unit by unit, and refunded. The exit code is 1 when the revenue by the file, the
orders, the ledger and the providers is not the same to the cent, when stock or ledger do not add up, or when an order
failed.
"""

import argparse
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.filling import Goods, people_of, stock_goods
from bench.race_buyers import Answer, Buyer
from bench.replay_plan import Plan, Planned, Thing, read_plan
from bench.stand import Stand
from catalog.inventory.checks import CHECKS

MPESA_LIMIT = 250_000  # shillings at once
MOST_WAITING = 30  # requests for money that no worker has sent yet; then the customers wait
TRIES = 5  # to pay one order
SETTINGS = {"ORDER_RESERVATION_SECONDS": "86400"}
_UNPAID = """
    SELECT o.id::text FROM orders_order AS o WHERE o.status = 'pending' AND NOT EXISTS (
        SELECT 1 FROM payments_paymentattempt AS a JOIN payments_payment AS p ON p.id = a.payment_id
        WHERE p.order_id = o.id AND a.status IN ('created', 'sending', 'pending', 'unknown', 'review')
    )
"""
_WAITING = "SELECT count(*) FROM payments_paymentattempt WHERE status IN ('created', 'sending')"
_UNDER_WAY = """
    SELECT (SELECT count(*) FROM payments_paymentattempt WHERE status IN ('created', 'sending', 'pending', 'unknown'))
        + (SELECT count(*) FROM payments_refund WHERE status IN ('created', 'sending', 'pending', 'unknown'))
        + (SELECT count(*) FROM ecommerce_outboxmessage WHERE done_at IS NULL AND dead_at IS NULL)
"""


@dataclass
class Placed:
    planned: Planned
    buyer: Buyer
    number: int
    order: dict[str, Any]
    tries: int = 0


class Replay:
    """The orders of a plan, as far as they have come."""

    def __init__(self, stand: Stand, plan: Plan, clients: int) -> None:
        self.stand, self.plan, self.clients = stand, plan, clients
        self.placed: dict[str, Placed] = {}  # by the order's id
        self.cancellings = 0
        self.troubles: list[str] = []
        self.waiting = 0
        # A customer's orders follow one another, as in the file; strangers are somebody new each time.
        names = [order.customer or f"stranger {number}" for number, order in enumerate(plan.orders)]
        accounts = list(dict.fromkeys(names))
        people = dict(zip(accounts, people_of(stand, len(accounts)), strict=True))
        self._people = [people[name] for name in names]
        self.customers = len(accounts)
        self._turns = {account: threading.Lock() for account in people.values()}
        self.variants = self._stock()

    def _stock(self) -> dict[Thing, str]:
        goods = {
            (code, price): Goods(f"code-{_slug(code)}", f"{code}-{price}", price, units)
            for (code, price), units in self.plan.things.items()
        }
        made = stock_goods(self.stand, list(goods.values()))
        return {thing: made[each.sku] for thing, each in goods.items()}

    # --- buying

    def buy_all(self, until: float) -> None:
        watch = threading.Thread(target=self._watch, args=(until,), daemon=True)
        self._buying = True
        watch.start()
        self._each(range(len(self.plan.orders)), self._buy, until, every=500, what="orders")
        self._buying = False
        watch.join()

    def _buy(self, number: int) -> None:
        planned, person = self.plan.orders[number], self._people[number]
        while self.waiting > MOST_WAITING:
            time.sleep(0.1)
        buyer = Buyer(self.stand.url, person)
        items = [
            {"variant_id": self.variants[thing], "quantity": quantity} for thing, quantity in planned.units.items()
        ]
        with self._turns[person]:
            answer = buyer.send("POST", "/api/orders/", {"items": items})
        if answer.status != 201:
            raise RuntimeError(f"not placed: {_say(answer)}")
        placed = Placed(planned, buyer, number, answer.body)
        self.placed[answer.body["id"]] = placed
        if Decimal(answer.body["total_amount"]) != planned.total:
            raise RuntimeError(f"costs {answer.body['total_amount']}, by the file {planned.total}")
        self._pay(placed)

    def _pay(self, placed: Placed) -> None:
        placed.tries += 1
        body = {"order_id": placed.order["id"], "phone_number": f"+25471{placed.number:07d}"}
        if placed.planned.total <= MPESA_LIMIT:
            answer = placed.buyer.send("POST", "/api/payments/", body | {"method": "mpesa"})
        else:
            body |= {"method": "card", "provider": "paystack"}
            answer = placed.buyer.send("POST", "/api/payments/initialize/", body)
        if answer.status not in (200, 201, 202):
            raise RuntimeError(f"not paid: {_say(answer)}")
        placed.buyer.close()

    def settle(self, until: float) -> None:
        """Wait until every payment has ended; who was not asked for the money asks again."""
        while time.monotonic() < until:
            for (order,) in self.stand.sql(_UNPAID):
                placed = self.placed.get(order)
                if placed is None or placed.tries >= TRIES:
                    continue
                try:
                    self._pay(placed)
                except RuntimeError as error:
                    self.troubles.append(f"invoice {placed.planned.invoice}: {error}")
            if self.stand.sql(_UNDER_WAY) == [(0,)]:
                return
            time.sleep(1)
        self.troubles.append("payments or refunds were not done in time")

    # --- cancelling

    def cancel_all(self, until: float) -> None:
        back = [placed for placed in self.placed.values() if placed.planned.back]
        self._each(
            back, lambda placed: self._take_back(placed, until), until, every=200, what="orders with something back"
        )

    def _take_back(self, placed: Placed, until: float) -> None:
        items = {item["variant_id"]: item["id"] for item in placed.order["items"]}
        for units in placed.planned.back:
            body = {
                "items": [
                    {"item_id": items[self.variants[thing]], "quantity": quantity} for thing, quantity in units.items()
                ]
            }
            while True:
                answer = placed.buyer.send("POST", f"/api/orders/{placed.order['id']}/cancel/", body)
                if answer.code != "refund_in_progress" or time.monotonic() > until:
                    break
                time.sleep(0.5)  # one refund of a receipt at a time
            if answer.status != 200:
                raise RuntimeError(f"not cancelled: {_say(answer)}")
            self.cancellings += 1
        placed.buyer.close()

    # --- both

    def _each(self, things: Sequence[Any], do: Callable[[Any], None], until: float, *, every: int, what: str) -> None:
        began, done = time.monotonic(), Counter[str]()

        def one(thing: Any) -> None:
            if time.monotonic() > until:
                return
            try:
                do(thing)
            except Exception as error:  # noqa: BLE001 - the verdict names it
                planned = thing.planned if isinstance(thing, Placed) else self.plan.orders[thing]
                self.troubles.append(f"invoice {planned.invoice}: {error}")
            done["all"] += 1
            if done["all"] % every == 0:
                rate = done["all"] / (time.monotonic() - began)
                print(f"{done['all']} of {len(things)} {what}, {rate:.1f} a second", file=sys.stderr, flush=True)

        with ThreadPoolExecutor(self.clients) as pool:
            list(pool.map(one, things))
        if done["all"] < len(things):
            self.troubles.append(f"{len(things) - done['all']} {what} were not begun in time")

    def _watch(self, until: float) -> None:
        while self._buying and time.monotonic() < until:
            with suppress(Exception):
                ((self.waiting,),) = self.stand.sql(_WAITING)
            time.sleep(0.2)
        self.waiting = 0


def _slug(code: str) -> str:
    return "".join(letter if letter.isalnum() else f"-{ord(letter)}-" for letter in code)


def _say(answer: Answer) -> str:
    return f"{answer.status} {str(answer.body)[:200]}" if answer.status else f"no answer ({answer.misses[-1:]})"


def revenues(stand: Stand, plan: Plan) -> dict[str, Decimal]:
    """Return what the shop has earned by each of its books, beside the file."""
    ((by_orders,),) = stand.sql(
        "SELECT coalesce(sum((quantity - cancelled_quantity) * price), 0) FROM orders_orderitem AS i"
        " JOIN orders_order AS o ON o.id = i.order_id WHERE o.status <> 'pending'"
    )
    ((by_ledger,),) = stand.sql(
        "SELECT coalesce(-sum(e.amount), 0) FROM payments_ledgerentry AS e JOIN payments_ledgeraccount AS a"
        " ON a.id = e.account_id WHERE a.code = 'customers' AND a.currency = 'KES'"
    )
    at_providers = Decimal(0)
    for payment in stand.ask_simulator("/control/books")["payments"]:
        if payment["status"] == "successful":
            at_providers += Decimal(payment["amount"])
            back = (refund for refund in payment["refunds"] if refund["status"] == "successful")
            at_providers -= sum((Decimal(refund["amount"]) for refund in back), Decimal(0))
    return {
        "by the file": Decimal(sum(order.kept for order in plan.orders)),
        "by the orders": Decimal(by_orders),
        "by the ledger": Decimal(by_ledger) / 100,
        "at the providers": at_providers,
    }


def violations(stand: Stand, replay: Replay, revenue: dict[str, Decimal]) -> list[str]:
    wrong = list(replay.troubles)
    if len(set(revenue.values())) != 1:
        wrong.append("revenue: " + ", ".join(f"{name} {amount:,.2f}" for name, amount in revenue.items()))
    ((unpaid,),) = stand.sql("SELECT count(*) FROM orders_order WHERE status = 'pending'")
    if unpaid:
        wrong.append(f"{unpaid} orders are not paid")
    back = replay.plan.left
    left = dict(stand.sql("SELECT variant_id::text, available FROM catalog_stock"))
    for thing, variant in replay.variants.items():
        if left[variant] != back[thing]:
            wrong.append(f"{thing}: {left[variant]} are left, it should be {back[thing]}")
    wrong += [f"{check.name}: {sentence}" for check in CHECKS for (sentence,) in stand.sql(check.sql)]
    for topic, error in stand.sql("SELECT topic, last_error FROM ecommerce_outboxmessage WHERE dead_at IS NOT NULL"):
        wrong.append(f"work given up: {topic}: {error}")
    for number, amount, status in stand.sql(
        "SELECT o.number, f.amount, f.status FROM payments_refund AS f"
        " JOIN payments_payment AS p ON p.id = f.payment_id JOIN orders_order AS o ON o.id = p.order_id"
        " WHERE f.status <> 'succeeded'"
    ):
        wrong.append(f"a refund of {amount} for order {number} is {status}")
    checked = stand.manage("check_ledger", check=False)
    if checked.returncode:
        wrong.append(f"check_ledger: {' / '.join((checked.stdout + checked.stderr).splitlines())[-1000:]}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--baskets", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=6, help="at the same time")
    parser.add_argument("--seconds", type=float, default=7200, help="for all of it; then the replay has failed")
    parser.add_argument("--logs", type=Path, help="keep the processes' logs here")
    options = parser.parse_args()
    began = time.monotonic()
    until = began + options.seconds
    plan = read_plan(options.file, options.baskets)
    with Stand(settings=SETTINGS, simulated=True, nice=False, concurrency=3, logs=options.logs, sample=False) as stand:
        replay = Replay(stand, plan, options.clients)
        stand.tell_simulator("/control/auto-answer", {"msisdn": "*", "pin": "1234", "delay_seconds": 0})
        stand.tell_simulator("/control/auto-checkout", {"provider": "*", "action": "pay", "delay_seconds": 0})
        ready = time.monotonic()
        print(f"{len(plan.orders)} orders to come, ready in {ready - began:.0f} s", file=sys.stderr, flush=True)
        replay.buy_all(until)
        bought = time.monotonic()
        replay.settle(until)
        settled = time.monotonic()
        replay.cancel_all(until)
        replay.settle(until)
        quiet = time.monotonic()
        revenue = revenues(stand, plan)
        wrong = violations(stand, replay, revenue)
        ((cards,),) = stand.sql("SELECT count(*) FROM payments_payment WHERE provider = 'paystack'")
        deaths = stand.deaths
    orders = len(replay.placed)
    print(f"baskets {plan.baskets:,}, orders {orders:,} of {plan.lines:,} lines by {replay.customers:,} customers;")
    print(f"  {len(replay.variants):,} variants of {len({code for code, _ in replay.variants}):,} stock codes")
    print(
        f"placed in {bought - ready:.0f} s: {orders / (bought - ready):.1f} orders a second, with their payments begun"
    )
    print(f"placed and paid in {settled - ready:.0f} s: {orders / (settled - ready):.1f} a second; {cards} by card")
    print(f"cancellings {replay.cancellings:,}, done in {quiet - settled:.0f} s; {deaths} processes died")
    for reason, count in sorted(plan.skipped.items()):
        print(f"skipped: {count:,} {reason}")
    for name, amount in revenue.items():
        print(f"revenue {name:<17}KES {amount:>16,.2f}")
    for line in wrong[:50]:
        print(f"WRONG: {line}")
    print("Verdict: " + (f"{len(wrong)} violations" if wrong else "the books and the stock agree with the file"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
