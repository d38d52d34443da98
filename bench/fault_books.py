"""The shop's books against the simulator's after a fault run, order by order and receipt by receipt."""

import hashlib
import json
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from bench.fault_plan import SCENARIOS
from bench.stand import Stand

ZERO = Decimal("0.00")


@dataclass
class OrderBooks:
    """What both sides say of one order. Amounts are in shillings."""

    scenario: str
    number: str
    total: Decimal
    status: str
    payment_status: str
    applied: Decimal  # what the shop holds as paid for it
    waits: bool  # a person sees it: an attempt in review, or money on the work list
    settle_seconds: list[float]  # from M-Pesa's decision to the shop's
    paid: list[Decimal] = field(default_factory=list)  # by M-Pesa's books

    @property
    def paid_total(self) -> Decimal:
        return sum(self.paid, ZERO)

    @property
    def on_work_list(self) -> Decimal:
        return self.paid_total - self.applied if self.waits else ZERO

    @property
    def difference(self) -> Decimal:
        return self.paid_total - self.applied - self.on_work_list


_ORDERS = """
    SELECT o.number, o.total_amount, o.status, coalesce(p.status, 'missing'),
           coalesce((SELECT sum(r.amount) FROM payments_receivedmoney AS r
                     WHERE r.payment_id = p.id AND r.status = 'applied'), 0.00),
           EXISTS (SELECT 1 FROM payments_paymentattempt AS a WHERE a.payment_id = p.id AND a.status = 'review')
               OR EXISTS (SELECT 1 FROM payments_receivedmoney AS r
                          WHERE r.payment_id = p.id AND r.status IN ('unverified', 'unmatched', 'surplus'))
    FROM orders_order AS o LEFT JOIN payments_payment AS p ON p.order_id = o.id
"""
# When the shop was done with each of M-Pesa's payments, by the name that M-Pesa knows it by.
_DECISIONS = """
    SELECT provider_reference, coalesce(ended_at, updated_at) FROM payments_paymentattempt
    WHERE provider_reference IS NOT NULL AND status IN ('succeeded', 'failed', 'review')
    UNION ALL SELECT receipt_number, created_at FROM payments_receivedmoney WHERE receipt_number IS NOT NULL
"""
_UNUSED = ("unverified", "dismissed")


def order_books(stand: Stand, scenarios: Mapping[str, str]) -> list[OrderBooks]:
    """Return the books of every order; ``scenarios`` are names by order number."""
    decided: dict[str, datetime] = {}
    for name, moment in stand.sql(_DECISIONS):
        decided[name] = min(moment, decided.get(name, moment))
    books: dict[str, OrderBooks] = {}
    for number, total, status, payment_status, applied, waits in stand.sql(_ORDERS):
        scenario = scenarios.get(number, "an order that nobody was told of")
        books[number] = OrderBooks(scenario, number, total, status, payment_status, applied, waits, [])
    for payment in simulator_payments(stand):
        order = books.get(payment["reference"])
        if order is None:
            raise RuntimeError(f"M-Pesa knows order {payment['reference']}, the shop does not")
        if payment["status"] == "successful":
            order.paid.append(Decimal(payment["amount"]))
        moment = decided.get(payment["id"]) or decided.get(payment["receipt_number"] or "")
        if moment and payment["finished_at"]:
            took = moment - datetime.fromisoformat(payment["finished_at"])
            order.settle_seconds.append(max(took.total_seconds(), 0.0))
    return list(books.values())


def simulator_payments(stand: Stand) -> list[dict[str, Any]]:
    payments: list[dict[str, Any]] = stand.ask_simulator("/control/books")["payments"]
    return payments


def wrong_orders(books: list[OrderBooks]) -> Iterator[str]:
    """Name the orders for which shop and M-Pesa disagree, or which were paid twice."""
    for order in books:
        about = f"order {order.number} ({order.scenario}), {order.status}, payment {order.payment_status}"
        if len(order.paid) > 1:
            yield f"{about}: M-Pesa took money {len(order.paid)} times"
        if order.difference:
            yield f"{about}: M-Pesa has {order.paid_total}, the shop {order.applied}"
        is_paid = (order.status, order.payment_status) == ("paid", "successful")
        if order.paid and not is_paid:
            yield f"{about}: it was paid"
        if not order.paid and (is_paid or order.applied):
            yield f"{about}: it was not paid"
        if is_paid and order.applied != order.total:
            yield f"{about}: it costs {order.total}, {order.applied} was applied"


def wrong_receipts(stand: Stand) -> Iterator[str]:
    """Name money that one side has and the other has not, by receipt or, where only a query told of it, by request."""
    theirs = {each["receipt_number"]: each for each in simulator_payments(stand) if each["status"] == "successful"}
    by_request = {payment["id"]: receipt for receipt, payment in theirs.items()}
    seen: dict[str, str] = {}
    rows = stand.sql(
        "SELECT r.receipt_number, a.provider_reference, r.amount, r.status, r.source, r.account_reference, r.created_at"
        " FROM payments_receivedmoney AS r LEFT JOIN payments_paymentattempt AS a ON a.id = r.attempt_id"
        " WHERE r.status <> ALL(%s) ORDER BY r.created_at",
        list(_UNUSED),
    )
    for receipt, request, amount, status, source, reference, created_at in rows:
        known = receipt or by_request.get(request or "", "")
        about = (
            f"{amount} for {reference} ({source}, {status}, receipt {receipt or 'unknown'}, {created_at:%H:%M:%S.%f})"
        )
        if known not in theirs:
            yield f"the shop has {about}, M-Pesa has not"
        elif known in seen:
            yield f"the shop has {about} and the same money as {seen[known]}"
        elif amount != Decimal(theirs[known]["amount"]):
            yield f"the shop has {about}, it brought {theirs[known]['amount']}"
        seen[known] = about
    claimed = {receipt for (receipt,) in stand.sql("SELECT receipt_number FROM payments_receivedmoney")}
    reviewed = {
        name for (name,) in stand.sql("SELECT receipt_number FROM payments_paymentattempt WHERE status='review'")
    }
    for receipt in theirs.keys() - seen.keys() - claimed - reviewed:
        payment = theirs[receipt]
        yield f"M-Pesa has {payment['amount']} for {payment['reference']}, receipt {receipt}, the shop has not"


def lost_or_hidden(stand: Stand, books: list[OrderBooks]) -> Iterator[str]:
    """Name what the shop answered 200 to and has not kept, and forged or wrong callbacks that no person can see."""
    events = {
        digest: (handled, error)
        for digest, handled, error in stand.sql(
            "SELECT encode(sha256(body), 'hex'), handled_at IS NOT NULL, last_error FROM payments_providerevent"
        )
    }
    money = dict(stand.sql("SELECT receipt_number, status FROM payments_receivedmoney"))
    paying = stand.sql("SELECT receipt_number FROM payments_paymentattempt WHERE status = 'succeeded'")
    payments = simulator_payments(stand)
    genuine = {payment["receipt_number"] for payment in payments}
    addresses = {payment["callback_url"] for payment in payments}
    differs = {order.number for order in books if order.difference}
    unseen = {payment["id"] for payment in payments if payment["reference"] in differs}
    for delivery in stand.ask_simulator("/control/deliveries")["deliveries"]:
        note, url = delivery["note"], delivery["url"]
        if "callback_forged_url" in note and url not in addresses and delivery["status"] == 200:
            yield f"callback {delivery['id']} had a wrong secret and was accepted"
        if delivery["status"] != 200 or "/validation/" in url:
            continue
        digest = hashlib.sha256(delivery["body"].encode()).hexdigest()
        if digest not in events:
            yield f"callback {delivery['id']} was accepted and is not there"
            continue
        handled, error = events[digest]
        if not handled and not error:
            yield f"callback {delivery['id']} was accepted and not worked on"
        if "callback_wrong_amount" in note and delivery["payment_id"] in unseen:
            yield f"callback {delivery['id']} told a wrong amount, and it is visible nowhere"
        receipt = _receipt_of(delivery["body"])
        if "callback_forged" in note and receipt and receipt not in genuine:
            if (receipt,) in paying or money.get(receipt, "unverified") not in _UNUSED:
                yield f"the forged receipt {receipt} is money of the shop's ({money.get(receipt)})"
            elif receipt not in money and not error and not handled:
                yield f"the forged receipt {receipt} is visible nowhere"


def _receipt_of(body: str) -> str:
    """Return the receipt in an STK callback; empty for a failure, and for other messages."""
    callback = json.loads(body).get("Body", {}).get("stkCallback", {})
    items = callback.get("CallbackMetadata", {}).get("Item", [])
    return next((str(item["Value"]) for item in items if item["Name"] == "MpesaReceiptNumber"), "")


def wrong_elsewhere(stand: Stand) -> Iterator[str]:
    """Name dead or forgotten work, stock that does not add up, and what ``check_ledger`` finds."""
    for topic, error in stand.sql("SELECT topic, last_error FROM ecommerce_outboxmessage WHERE dead_at IS NOT NULL"):
        yield f"work given up: {topic}: {error}"
    for topic, error in stand.sql(
        "SELECT topic, last_error FROM ecommerce_outboxmessage WHERE done_at IS NULL AND dead_at IS NULL"
    ):
        yield f"work not done: {topic}: {error}"
    for (variant,) in stand.sql(
        "SELECT s.variant_id FROM catalog_stock s JOIN catalog_stockmovement m USING (variant_id) GROUP BY s.variant_id"
        " HAVING s.available <> sum(m.available_change) OR s.on_hand <> sum(m.on_hand_change) OR s.available < 0"
    ):
        yield f"stock of variant {variant} is not the sum of its movements"
    checked = stand.manage("check_ledger", check=False)
    if checked.returncode:
        yield f"check_ledger: {' / '.join((checked.stdout + checked.stderr).split(chr(10)))[-1500:]}"


def table_of(books: list[OrderBooks]) -> str:
    """Return one line for each scenario, and the totals."""
    by_scenario: defaultdict[str, list[OrderBooks]] = defaultdict(list)
    for order in books:
        by_scenario[order.scenario].append(order)
    names = [scenario.name for scenario in SCENARIOS if scenario.name in by_scenario]
    names += sorted(by_scenario.keys() - set(names))
    head = ("scenario", "payments", "M-Pesa paid", "shop paid", "work list", "difference", "median s", "max s")
    lines = [_line(head), *(_line(_row(name, by_scenario[name])) for name in names), _line(_row("all", books))]
    return "\n".join(lines)


def _row(name: str, orders: list[OrderBooks]) -> tuple[str, ...]:
    took = [seconds for order in orders for seconds in order.settle_seconds]
    sums = (
        sum((order.paid_total for order in orders), ZERO),
        sum((order.applied for order in orders), ZERO),
        sum((order.on_work_list for order in orders), ZERO),
        sum((order.difference for order in orders), ZERO),
    )
    times = (f"{statistics.median(took):.1f}", f"{max(took):.1f}") if took else ("-", "-")
    return name, str(len(orders)), *(f"{amount:,.2f}" for amount in sums), *times


def _line(cells: tuple[str, ...]) -> str:
    widths = (8, 15, 15, 13, 11, 9, 8)
    return f"{cells[0]:<28}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells[1:], widths, strict=True))
