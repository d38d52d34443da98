"""How fast things are put into a cart and orders are placed, beside the least that it could cost.

    python bench/orders.py [--rounds N] [--seconds S] [--at-once 1,16,64] [--products N]

Two servers of the same kind (the shop's own gunicorn, two processes of four threads) on one durable PostgreSQL of the
bench's own take turns in short runs:

    bare   Django without middleware; a cart in two hand-written statements, an order by one stored function on a narrow
           stock table (bench/bare.py)
    shop   the shop as it is, for signed-in customers: cart with totals, order of two lines with an Idempotency-Key

`two products` are orders that all want the same two. Times are medians over the rounds; the share is requests a second
over those of the bare one, taken within a round. Statements are counted by pg_stat_statements. The exit code is 1 when
a share, or the orders of the same two products, is below what must be reached, or when the statements of an order grow
with its lines.
"""

import argparse
import json
import random
import statistics
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg2

from bench import serving
from bench.filling import Goods, Person, people_of, stock_goods
from bench.race_buyers import Buyer
from bench.stand import Stand

CUSTOMERS = 500
UNITS = 1_000_000
BARE, SHOP = "bare", "shop"
CART, ORDER, HOT = "add to cart", "place order", "two products"
MUST_SHARE = {CART: 0.30, ORDER: 0.25}
MUST_HOT = 150.0  # orders a second, when everybody wants the same two products, 64 at once
HOT_AT_ONCE = 64
SETTINGS = {"THROTTLE_USER": "999999999/3600", "ORDER_MAX_UNPAID": "1000000", "ORDER_MAX_UNITS_HELD": "100000000"}
BARE_TABLES = """
CREATE TABLE bare_stock (
    variant_id uuid PRIMARY KEY, available int NOT NULL CHECK (available >= 0), price numeric(12, 2)
);
INSERT INTO bare_stock
    SELECT v.id, s.available, v.price FROM catalog_variant AS v JOIN catalog_stock AS s ON s.variant_id = v.id;
CREATE TABLE bare_cart_item (customer uuid, variant_id uuid, quantity int NOT NULL, PRIMARY KEY (customer, variant_id));
CREATE TABLE bare_order (
    id uuid PRIMARY KEY, customer uuid NOT NULL, total numeric(12, 2) NOT NULL, created_at timestamptz
);
CREATE TABLE bare_order_item (
    order_id uuid, variant_id uuid, quantity int, price numeric(12, 2), PRIMARY KEY (order_id, variant_id)
);
CREATE FUNCTION bare_place_order(buyer uuid, wanted jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    made uuid := gen_random_uuid();
    amount numeric(12, 2);
BEGIN
    PERFORM 1 FROM bare_stock WHERE variant_id IN (SELECT (w->>'variant_id')::uuid FROM jsonb_array_elements(wanted) w)
        ORDER BY variant_id FOR NO KEY UPDATE;
    WITH taken AS (
        UPDATE bare_stock s SET available = available - w.quantity
        FROM jsonb_to_recordset(wanted) AS w (variant_id uuid, quantity int)
        WHERE s.variant_id = w.variant_id AND s.available >= w.quantity
        RETURNING s.variant_id, w.quantity, s.price
    ), lines AS (
        INSERT INTO bare_order_item SELECT made, variant_id, quantity, price FROM taken RETURNING quantity, price
    )
    SELECT sum(quantity * price) INTO amount FROM lines;
    INSERT INTO bare_order VALUES (made, buyer, amount, now());
    RETURN jsonb_build_object('id', made, 'total_amount', amount::text);
END $$;
"""
_CALLS = """
    SELECT calls, query, total_exec_time + total_plan_time,
        query LIKE '%FOR KEY SHARE OF x' OR query LIKE '%NEW.%' FROM pg_stat_statements
    WHERE toplevel AND dbid = (SELECT oid FROM pg_database WHERE datname = 'bytemtaani')
        AND query !~* '^(BEGIN|COMMIT|ROLLBACK|SET|SHOW|SAVEPOINT|RELEASE)' AND query NOT LIKE '%pg_stat_statements%'
    ORDER BY calls DESC, query
"""


@dataclass
class Cost:
    """What one write costs: ``sent`` by the shop, BEGIN and COMMIT apart; ``checks`` are the database's own at COMMIT.

    ``each`` has the statements that were sent, with how often, and the milliseconds that PostgreSQL took for all of
    them; ``checking`` the same of its checks.
    """

    sent: float
    checks: float
    checking: float
    each: list[tuple[float, float, str]]


class Requests:
    """Endless requests of each kind, no two alike."""

    def __init__(self, people: Sequence[Person], variants: Sequence[str], seed: int) -> None:
        self.people, self.variants = people, variants
        self.chance = random.Random(seed)
        self._five = {person.id: self.chance.sample(variants, 5) for person in people}

    def of(self, server: str, operation: str) -> Iterator[bytes]:
        number = 0
        while True:
            person = self.people[number % len(self.people)]
            if operation == CART:
                body: dict[str, Any] = {"variant_id": self.chance.choice(self._five[person.id]), "quantity": 1}
                path = "/cart" if server == BARE else "/api/cart/items/"
            else:
                chosen = self.variants[:2] if operation == HOT else self.chance.sample(self.variants, 2)
                body = {"items": [{"variant_id": variant, "quantity": 1} for variant in chosen]}
                path = "/order" if server == BARE else "/api/orders/"
            yield _post(path, body | ({"customer": person.id} if server == BARE else {}), person)
            number += 1


def _post(path: str, body: dict[str, Any], person: Person) -> bytes:
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {person.access}\r\nIdempotency-Key: {uuid.uuid4()}\r\n"
        f"Content-Length: {len(content)}\r\n"
    )
    return f"{head}\r\n".encode() + content


Seen = dict[tuple[str, int, str], list[tuple[serving.Run, float]]]


def measure(ports: dict[str, int], requests: Requests, options: argparse.Namespace) -> Seen:
    """Return, by operation, connections and server, what each round saw, with its share of the bare one."""
    seen: Seen = {}
    wanted = [(operation, at_once) for at_once in options.at_once for operation in (CART, ORDER)]
    wanted.append((HOT, HOT_AT_ONCE))

    def run(server: str, operation: str, at_once: int, seconds: float) -> serving.Run:
        status = 200 if server == BARE else 201
        return serving.exchange(ports[server], requests.of(server, operation), at_once, seconds, status=status)

    for operation in (CART, ORDER):
        for server in ports:
            run(server, operation, 8, 1.0)  # warms up
    for turn in range(options.rounds):
        for operation, at_once in wanted:
            base = run(BARE, operation, at_once, options.seconds)
            shop = run(SHOP, operation, at_once, options.seconds)
            seen.setdefault((operation, at_once, BARE), []).append((base, 1.0))
            seen.setdefault((operation, at_once, SHOP), []).append((shop, shop.per_second / base.per_second))
        print(f"round {turn + 1} of {options.rounds}", file=sys.stderr, flush=True)
    return seen


def cost_of(stand: Stand, do: Callable[[], None], times: int = 20) -> Cost:
    connection = psycopg2.connect(stand.postgres.url(user="postgres"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        do()
        cursor.execute("SELECT pg_stat_statements_reset()")
        for _ in range(times):
            do()
        cursor.execute(_CALLS)
        counted = [
            (calls / times, took / times, query, by_itself)
            for calls, query, took, by_itself in cursor
            if calls >= times
        ]
    connection.close()
    each = [(calls, took, " ".join(query.split())[:90]) for calls, took, query, by_itself in counted if not by_itself]
    checks = [(calls, took) for calls, took, _, by_itself in counted if by_itself]
    return Cost(sum(one[0] for one in each), sum(calls for calls, _ in checks), sum(took for _, took in checks), each)


def costs(stand: Stand, requests: Requests) -> dict[str, Cost]:
    buyer = Buyer(stand.url, requests.people[0])

    def send(path: str, body: dict[str, Any]) -> None:
        answer = buyer.send("POST", path, body, keyed=path == "/api/orders/")
        if answer.status != 201:
            raise RuntimeError(f"{path}: {answer.status} {answer.body}")

    def order(lines: int) -> Callable[[], None]:
        items = [{"variant_id": variant, "quantity": 1} for variant in requests.variants[10 : 10 + lines]]
        return lambda: send("/api/orders/", {"items": items})

    first = requests.variants[0]
    return {
        CART: cost_of(stand, lambda: send("/api/cart/items/", {"variant_id": first, "quantity": 1})),
        "order of 1 line": cost_of(stand, order(1)),
        "order of 2 lines": cost_of(stand, order(2)),
        "order of 20 lines": cost_of(stand, order(20)),
    }


def report(seen: Seen, counted: dict[str, Cost]) -> list[str]:
    """Print the tables; return what is not as it must be."""
    wrong = []
    print(f"{'operation':<14}{'c':>3}  {'server':<6}{'req/s':>8}{'p50 ms':>9}{'p99 ms':>9}{'share':>8}  must")
    for (operation, at_once, server), runs in seen.items():
        rate, middle, tail = (
            statistics.median(getattr(run, name) for run, _ in runs) for name in ("per_second", "middle", "slowest")
        )
        share = statistics.median(share for _, share in runs)
        must, missed = "", False
        if server == SHOP and operation in MUST_SHARE:
            must, missed = f"{MUST_SHARE[operation]:.0%}", share < MUST_SHARE[operation]
        elif server == SHOP:
            must, missed = f"{MUST_HOT:.0f}/s", rate < MUST_HOT
        figures = f"{rate:>8.0f}{middle:>9.2f}{tail:>9.1f}{share:>8.0%}"
        print(f"{operation:<14}{at_once:>3}  {server:<6}{figures}  {must}{' MISSED' * missed}".rstrip())
        if missed:
            wrong.append(f"{operation}, {at_once} at once: {share:.0%} of the bare one, {rate:.0f} a second")
    print("\nstatements that are sent, BEGIN and COMMIT apart, and the database's own checks at COMMIT, with their ms:")
    for name, cost in counted.items():
        sending = sum(took for _, took, _ in cost.each)
        print(f"{name:<18}{cost.sent:>5.1f}{sending:>8.2f}{cost.checks:>7.1f}{cost.checking:>8.2f}")
    for calls, took, query in (*counted[CART].each, *counted["order of 2 lines"].each):
        print(f"    {calls:>4.1f}{took:>8.3f}  {query}")
    if counted["order of 20 lines"].sent != counted["order of 1 line"].sent:
        wrong.append("the statements of an order grow with its lines")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one run")
    parser.add_argument("--at-once", default="1,16,64", help="connections, comma-separated")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.at_once = [int(number) for number in options.at_once.split(",")]
    with ExitStack() as running:
        stand = running.enter_context(Stand(settings=SETTINGS, only=("web",), sample=False))
        goods = [Goods(f"product-{n}", f"SKU-{n}", 100 + n * 37 % 9000, UNITS) for n in range(options.products)]
        variants = list(stock_goods(stand, goods).values())
        requests = Requests(people_of(stand, CUSTOMERS), variants, options.seed)
        with psycopg2.connect(stand.postgres.url(user="postgres")) as connection:
            connection.cursor().execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        connection.close()
        stand.sql(BARE_TABLES)
        vacuum(stand)
        counted = costs(stand, requests)
        words = ("--workers", "2", "--threads", str(serving.THREADS), "bench.bare:application")
        bare, _ = running.enter_context(serving.served(words, stand.environment, ready=["/healthz"]))
        seen = measure({BARE: bare, SHOP: stand.port}, requests, options)
    wrong = report(seen, counted)
    for line in wrong:
        print(f"WRONG: {line}")
    return 1 if wrong else 0


def vacuum(stand: Stand) -> None:
    connection = psycopg2.connect(stand.environment["DATABASE_URL"])
    connection.autocommit = True
    connection.cursor().execute("VACUUM (ANALYZE)")
    connection.close()


if __name__ == "__main__":
    sys.exit(main())
