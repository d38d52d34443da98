"""The race for one order: its customer pays, cancels in another tab, and its time runs out, all at once.

``python -m bench.race_contests SECONDS`` runs inside the shop's environment and cancels, over and over, what is not
paid in time, as beat has a worker do once a minute.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from bench.race_buyers import Answer, Buyer
from bench.race_ground import Ground, Race, errors, unanswered
from bench.race_sections import ORDERS, Sizes
from bench.stand import ROOT, wait_for

WAYS = (("pay", "cancel", "expire"), ("pay", "cancel"), ("pay", "expire"), ("cancel", "expire"))
# Seconds within which each is done: to cancel comes before, in and after a payment, which takes a second or two.
WITHIN = {"pay": 1.0, "cancel": 5.0, "expire": 3.0}
QUIET_WITHIN = 120.0

# Codes that somebody may be refused with, by what they asked for.
REFUSALS = {
    "pay": {"order_not_payable", "already_paid"},
    "cancel": {"order_being_paid", "invalid_order_transition", "refund_in_progress"},
}
_ORDERS = """
    SELECT o.id::text, o.number, o.status, o.total_amount,
        (SELECT count(*) FROM orders_orderevent AS e WHERE e.order_id = o.id AND e.to_status = 'cancelled'),
        coalesce((SELECT sum(r.amount) FROM payments_receivedmoney AS r JOIN payments_payment AS p
            ON p.id = r.payment_id WHERE p.order_id = o.id AND r.status = 'applied'), 0.00),
        coalesce((SELECT sum(f.amount) FROM payments_refund AS f JOIN payments_payment AS p
            ON p.id = f.payment_id WHERE p.order_id = o.id AND f.status = 'succeeded'), 0.00)
    FROM orders_order AS o WHERE o.id = ANY(%s::uuid[])
"""
_OPEN = """
    SELECT (SELECT count(*) FROM ecommerce_outboxmessage WHERE done_at IS NULL AND dead_at IS NULL)
        + (SELECT count(*) FROM payments_paymentattempt WHERE status IN ('created', 'sending', 'pending', 'unknown'))
        + (SELECT count(*) FROM payments_refund WHERE status IN ('created', 'sending', 'pending', 'unknown'))
"""


def contest(ground: Ground, sizes: Sizes) -> Race:
    """Place orders and let two or three of these happen to each at moments that the seed says."""
    count = sizes.contested
    race = Race(f"{count} orders paid, cancelled, expired at once", ground.goods(2 * count))
    (variant,) = race.shelf
    stand, chance = ground.stand, ground.chance
    buyers = ground.buyers(count)
    orders: dict[str, tuple[Buyer, tuple[str, ...]]] = {}
    deeds: list[tuple[Buyer, Callable[[], Answer]]] = []
    names: list[tuple[str, str]] = []
    for number, buyer in enumerate(buyers):
        body = {"items": [{"variant_id": variant, "quantity": 2}]}
        order = buyer.send("POST", ORDERS, body).body["id"]
        ways = WAYS[number % len(WAYS)]
        orders[order] = buyer, ways
        msisdn = f"25471{number:07d}"
        stand.tell_simulator(
            "/control/auto-answer", {"msisdn": msisdn, "pin": "1234", "delay_seconds": round(chance.uniform(0, 1), 2)}
        )
        for way in ways:
            moment = chance.uniform(0, WITHIN[way])
            if way == "expire":
                stand.sql(
                    "UPDATE orders_order SET reserved_until = now() + %s * interval '1 second' WHERE id = %s",
                    moment,
                    order,
                )
            else:
                someone = Buyer(stand.url, buyer.person)  # another tab
                deeds.append((someone, _deed(way, someone, order, msisdn, moment)))
                names.append((way, order))
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "bench.race_contests", str(WITHIN["cancel"] + 6)],
        cwd=ROOT,
        env=stand.environment | {"DJANGO_SETTINGS_MODULE": "ecommerce.settings"},
    ) as sweeper:
        ground.run(race, deeds)
        _wait_until_quiet(ground, race)
        if sweeper.wait(timeout=60):
            race.wrong.append("the sweep for unpaid orders failed")
    told = [(way, order, told.answer) for (way, order), told in zip(names, race.told, strict=True)]
    race.orders = count
    race.wrong += [*unanswered(race), *errors(race), *_odd_answers(told), *_wrong_ends(ground, orders, told)]
    race.wrong += [*ground.oversold(race.shelf), *ground.stock_faults(), *ground.ledger_faults()]
    race.deadlocks, race.lock_timeouts = ground.lock_trouble()
    race.note = _ends(ground, list(orders))
    return race


def _deed(way: str, buyer: Buyer, order: str, msisdn: str, moment: float) -> Callable[[], Answer]:
    def act() -> Answer:
        time.sleep(moment)
        if way == "pay":
            body = {"order_id": order, "method": "mpesa", "phone_number": f"+{msisdn}"}
            return buyer.send("POST", "/api/payments/", body)
        return buyer.send("POST", f"{ORDERS}{order}/cancel/")

    return act


def _wait_until_quiet(ground: Ground, race: Race) -> None:
    try:
        wait_for(lambda: ground.stand.sql(_OPEN) == [(0,)], seconds=QUIET_WITHIN, pause=0.5)
    except TimeoutError:
        race.wrong.append(f"the shop was not done with payments and refunds after {QUIET_WITHIN:.0f} s")


def _odd_answers(told: list[tuple[str, str, Answer]]) -> Iterator[str]:
    for way, _, answer in told:
        if answer.status >= 400 and answer.code not in REFUSALS[way]:
            yield f"to {way} was answered with {answer.status} {answer.code}"


def _wrong_ends(
    ground: Ground, orders: dict[str, tuple[Buyer, tuple[str, ...]]], told: list[tuple[str, str, Answer]]
) -> Iterator[str]:
    """Name orders that ended otherwise than their customer was told, or whose money is not where it belongs."""
    cancelled = {order for way, order, answer in told if way == "cancel" and answer.status == 200}
    books: dict[str, list[dict[str, Any]]] = {}
    for payment in ground.stand.ask_simulator("/control/books")["payments"]:
        books.setdefault(payment["reference"], []).append(payment)
    for order, number, status, total, cancels, applied, refunded in ground.stand.sql(_ORDERS, list(orders)):
        about = f"order {number} ({', '.join(orders[order][1])}) is {status}"
        taken, returned = _at_provider(books.get(number, []))
        if status not in ("paid", "cancelled", "refunded"):
            yield f"{about}: neither paid nor cancelled"
        if order in cancelled and status == "paid":
            yield f"{about}: its customer was told that it is cancelled"
        if cancels > 1:
            yield f"{about}: cancelled {cancels} times"
        if (taken, returned) != (applied, refunded):
            yield f"{about}: M-Pesa took {taken} and gave {returned} back, the shop says {applied} and {refunded}"
        if applied - refunded != (total if status == "paid" else 0):
            yield f"{about}: the shop keeps {applied - refunded} of {total}"


def _at_provider(payments: list[dict[str, Any]]) -> tuple[Decimal, Decimal]:
    """Return what M-Pesa took for an order and what it gave back."""
    paid = [payment for payment in payments if payment["status"] == "successful"]
    back = [refund for payment in paid for refund in payment["refunds"] if refund["status"] == "successful"]
    taken = sum((Decimal(payment["amount"]) for payment in paid), Decimal(0))
    return taken, sum((Decimal(refund["amount"]) for refund in back), Decimal(0))


def _ends(ground: Ground, orders: list[str]) -> str:
    ((paid, cancelled, refunded),) = ground.stand.sql(
        "SELECT count(*) FILTER (WHERE status = 'paid'), count(*) FILTER (WHERE status <> 'paid'),"
        " (SELECT count(*) FROM payments_refund AS f JOIN payments_payment AS p ON p.id = f.payment_id"
        "  WHERE p.order_id = ANY(%s::uuid[])) FROM orders_order WHERE id = ANY(%s::uuid[])",
        orders,
        orders,
    )
    return f"{paid} paid, {cancelled} cancelled, {refunded} of these paid and refunded"


def _sweep(seconds: float) -> None:
    import django

    django.setup()

    from orders.services import cancel_unpaid_orders

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        cancel_unpaid_orders()
        time.sleep(0.05)


if __name__ == "__main__":
    _sweep(float(sys.argv[1]))
