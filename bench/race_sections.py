"""The races for stock: many buyers and few units, carts in opposed order, the same request many times, and faults."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from bench.race_buyers import Answer, Buyer
from bench.race_ground import Ground, Race, Sabotage

ORDERS, CONFIRM = "/api/orders/", "/api/cart/checkout/confirm/"
SHORT = {"insufficient_stock"}
GONE = {"cart_empty", "cart_changed"}  # somebody else has just ordered this cart
FAULTS = ("none", "web killed", "backends ended", "database crashed", "Redis emptied", "Redis stopped", "worker killed")


@dataclass(frozen=True)
class Sizes:
    buyers: int  # at the last units, and with carts
    clones: int  # of one request
    opposed: int  # orders in opposed order
    clients: int  # that place them
    contested: int  # orders that are paid, cancelled and run out at once
    disturbed: int  # orders while things break
    rounds: int  # of the last seven units, one fault each
    round_buyers: int
    controls: int  # races without locks
    caught: int  # so many of them must be caught


FULL = Sizes(200, 50, 4000, 40, 60, 600, len(FAULTS), 100, 10, 9)
SMALL = Sizes(30, 12, 60, 12, 8, 60, 3, 20, 3, 1)


def last_units(ground: Ground, sizes: Sizes, units: int) -> Race:
    """Everybody wants one of the last units, by ``POST /orders/``."""
    race = Race(f"{sizes.buyers} buyers, {units} {'unit' if units == 1 else 'units'}", ground.goods(units))
    (variant,) = race.shelf
    ground.run(race, [(buyer, _ordering(buyer, [(variant, 1)])) for buyer in ground.buyers(sizes.buyers)])
    return ground.judge(race, refusals=SHORT, orders=min(units, sizes.buyers))


def without_locks(ground: Ground, sizes: Sizes) -> Race:
    """The control: the same race in a shop whose locks are cut out; how often is it caught?"""
    race = Race(f"{sizes.controls} times {sizes.buyers} buyers, 10 units, no locks")
    caught = 0
    for _ in range(sizes.controls):
        once = last_units(ground, sizes, 10)
        caught += any("oversold" in line for line in once.wrong)
        race.told += once.told
        race.seconds += once.seconds
        race.orders += once.orders
    race.note = f"oversold {caught} of {sizes.controls} times, as it must be"
    if caught < sizes.caught:
        race.wrong.append(f"the control was caught {caught} of {sizes.controls} times only: this report proves nothing")
    return race


def single_carts(ground: Ground, sizes: Sizes) -> Race:
    """Everybody has one of the last ten units in a cart, and confirms."""
    race = Race(f"{sizes.buyers} carts of one thing, 10 units", ground.goods(10))
    (variant,) = race.shelf
    buyers = ground.buyers(sizes.buyers)
    fill_carts([(buyer, [(variant, 1)]) for buyer in buyers])
    ground.run(race, [(buyer, confirming(buyer)) for buyer in buyers])
    return ground.judge(race, refusals=SHORT, orders=10)


def mixed_carts(ground: Ground, sizes: Sizes) -> Race:
    """Everybody has five of ten things in a cart, half of them in the reverse order; there is enough for some."""
    race = Race(f"{sizes.buyers} carts of five, reversed lines", ground.goods(*[sizes.buyers // 5] * 10))
    buyers, variants = ground.buyers(sizes.buyers), list(race.shelf)
    carts = []
    for number, buyer in enumerate(buyers):
        lines = [(variant, 1) for variant in sorted(ground.chance.sample(variants, 5))]
        carts.append((buyer, lines[::-1] if number % 2 else lines))
    fill_carts(carts)
    ground.run(race, [(buyer, confirming(buyer)) for buyer in buyers])
    ground.judge(race, refusals=SHORT)
    race.wrong += _refused_without_need(ground, race, carts)
    return race


def opposed_orders(ground: Ground, sizes: Sizes) -> Race:
    """Clients place order after order of the same five things, every other one from the end; there is plenty."""
    race = Race(f"{sizes.opposed} orders of five, opposed", ground.goods(*[sizes.opposed] * 5))
    variants = list(race.shelf)
    turns = sizes.opposed // sizes.clients
    seen: list[tuple[Buyer, Answer]] = []

    def shopping(buyer: Buyer, lines: list[tuple[str, int]]) -> Callable[[], Answer]:
        def act() -> Answer:
            for _ in range(turns):
                answer = _ordering(buyer, lines)()
                seen.append((buyer, answer))
            return answer

        return act

    actions = []
    for number, buyer in enumerate(ground.buyers(sizes.clients)):
        lines = [(variant, 1) for variant in (variants[::-1] if number % 2 else variants)]
        actions.append((buyer, shopping(buyer, lines)))
    ground.run(race, actions)
    race.told = [type(race.told[0])(buyer, answer) for buyer, answer in seen]
    ground.judge(race, refusals=set(), orders=turns * sizes.clients)
    if sizes is FULL and race.usual >= 2:
        race.wrong.append(f"the 95th percentile is {race.usual:.1f} s")
    return race


def same_cart(ground: Ground, sizes: Sizes, way: str) -> Race:
    """One cart is confirmed many times at once: with ``way`` keys of their own, no key, or the same key."""
    race = Race(f"one cart {sizes.clones} times, {way}", ground.goods(1000))
    (variant,) = race.shelf
    clones = ground.clones(sizes.clones)
    fill_carts([(clones[0], [(variant, 1)])])
    key = str(uuid.uuid4()) if way == "same key" else ""
    ground.run(race, [(clone, confirming(clone, key=key, keyed=way != "no key")) for clone in clones])
    ground.judge(race, refusals=GONE if way == "own keys" else set(), orders=1)
    if way != "own keys":
        race.wrong += _answered_otherwise(race)
    return race


def same_key(ground: Ground, sizes: Sizes) -> Race:
    """One order is sent many times at once with one key: one order, and the same answer for all, byte for byte."""
    race = Race(f"one key {sizes.clones} times", ground.goods(1000))
    (variant,) = race.shelf
    key = str(uuid.uuid4())
    clones = ground.clones(sizes.clones)
    ground.run(race, [(clone, _ordering(clone, [(variant, 1)], key=key)) for clone in clones])
    ground.judge(race, refusals=set(), orders=1)
    race.wrong += _answered_otherwise(race)
    return race


def disturbed(ground: Ground, sizes: Sizes) -> Race:
    """Orders and carts for half as many units, while web processes are killed and the database crashes."""
    units = sizes.disturbed // 2
    stand, chance = ground.stand, ground.chance
    kills = 10 if sizes.disturbed >= 200 else 3
    race = Race(f"{sizes.disturbed} buyers, {units} units, killed and restarted", ground.goods(units))
    race.sabotage = [
        *(
            Sabotage(part / (kills + 1), "web child killed", lambda: stand.kill_child("web", chance))
            for part in range(1, kills + 1)
        ),
        Sabotage(0.5, "database crashed", lambda: stand.postgres.restart("immediate"), database=True),
    ]
    (variant,) = race.shelf
    buyers = ground.buyers(sizes.disturbed)
    with_carts = buyers[::2]
    fill_carts([(buyer, [(variant, 1)]) for buyer in with_carts])
    mine = {id(buyer) for buyer in with_carts}
    ground.run(
        race,
        [
            (buyer, confirming(buyer) if id(buyer) in mine else _ordering(buyer, [(variant, 1)]))
            for buyer in ground.chance.sample(buyers, len(buyers))
        ],
    )
    race.note = f"{kills} kills, 1 crash"
    return ground.judge(race, refusals=SHORT, orders=units)


def last_seven(ground: Ground, sizes: Sizes, fault: str) -> Race:
    """The last seven units, and something breaks while they are sold."""
    race = Race(f"{sizes.round_buyers} buyers, 7 units: {fault}", ground.goods(7))
    race.sabotage = sabotage_of(ground, fault)
    (variant,) = race.shelf
    ground.run(race, [(buyer, _ordering(buyer, [(variant, 1)])) for buyer in ground.buyers(sizes.round_buyers)])
    return ground.judge(race, refusals=SHORT, orders=7)


def sabotage_of(ground: Ground, fault: str) -> list[Sabotage]:
    stand, chance = ground.stand, ground.chance
    part = chance.uniform(0.0, 0.5)
    end_backends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"  # fmt: skip # noqa: E501

    def stop_redis() -> None:
        stand.valkey.stop()
        stand.valkey.start()

    ways: dict[str, tuple[Callable[[], Any], bool]] = {
        "web killed": (lambda: stand.kill_child("web", chance), False),
        "backends ended": (lambda: stand.sql(end_backends), True),
        "database crashed": (lambda: stand.postgres.restart("immediate"), True),
        "Redis emptied": (stand.empty_broker, False),
        "Redis stopped": (stop_redis, False),
        "worker killed": (lambda: stand.kill("worker"), False),
    }
    if fault not in ways:
        return []
    do, database = ways[fault]
    return [Sabotage(part, fault, do, database=database)]


def fill_carts(carts: list[tuple[Buyer, list[tuple[str, int]]]]) -> None:
    """Put the lines into the carts, one after the other.

    Raises:
        RuntimeError: something was refused.
    """

    def fill(cart: tuple[Buyer, list[tuple[str, int]]]) -> None:
        buyer, lines = cart
        for variant, quantity in lines:
            body = {"variant_id": variant, "quantity": quantity}
            answer = buyer.send("POST", "/api/cart/items/", body, keyed=False)
            if answer.status != 201:
                raise RuntimeError(f"a cart could not be filled: {answer.status} {answer.body}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fill, carts))


def _ordering(buyer: Buyer, lines: list[tuple[str, int]], *, key: str = "") -> Callable[[], Answer]:
    body = {"items": [{"variant_id": variant, "quantity": quantity} for variant, quantity in lines]}
    return lambda: buyer.send("POST", ORDERS, body, key=key)


def confirming(buyer: Buyer, *, key: str = "", keyed: bool = True) -> Callable[[], Answer]:
    return lambda: buyer.send("POST", CONFIRM, {}, key=key, keyed=keyed)


def _answered_otherwise(race: Race) -> Iterator[str]:
    """Name answers to one request, sent many times, that are not the first one's."""
    if len({answer.raw for answer in race.answers}) != 1:
        yield "the same request was answered in different words"
    if (first := sum(not answer.replayed for answer in race.answers)) != 1:
        yield f"{first} answers say that they were the first"


def _refused_without_need(
    ground: Ground, race: Race, carts: list[tuple[Buyer, list[tuple[str, int]]]]
) -> Iterator[str]:
    """Name the refused although all that they wanted is still there; nothing comes back in such a race."""
    left = dict(
        ground.stand.sql(
            "SELECT variant_id::text, available FROM catalog_stock WHERE variant_id = ANY(%s::uuid[])", list(race.shelf)
        )
    )
    wanted = {buyer.person.id: lines for buyer, lines in carts}
    for told in race.told:
        lines = wanted[told.buyer.person.id]
        if told.answer.status == 409 and all(left[variant] >= quantity for variant, quantity in lines):
            yield "a customer was refused although everything is there"
