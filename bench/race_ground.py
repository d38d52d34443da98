"""The ground that races are run on: a shop, fresh buyers and goods for each race, and what must be true after it."""

import random
import re
import statistics
import threading
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from bench.filling import Goods, Person, stock_goods
from bench.race_buyers import ANSWER_WITHIN, Answer, Buyer, at_once
from bench.stand import Stand
from catalog.inventory.checks import CHECKS

PRICE = 1500  # shillings
HEALS_WITHIN = 10.0  # seconds after the database is back, in which 503 is still an honest answer
PLACED = 201


@dataclass(frozen=True)
class Told:
    """What somebody was told. ``order_id`` is empty for a refusal."""

    buyer: Buyer
    answer: Answer

    @property
    def order_id(self) -> str:
        return str(self.answer.body["id"]) if self.answer.status == PLACED else ""


@dataclass(frozen=True)
class Sabotage:
    """Something that breaks when ``part`` of the requests are answered. ``database``: it is away for a while."""

    part: float
    name: str
    do: Callable[[], object]
    database: bool = False


@dataclass
class Race:
    """One race: who was told what, how long it took, and what is wrong about it."""

    name: str
    shelf: dict[str, int] = field(default_factory=dict)  # units of each variant that was on sale
    told: list[Told] = field(default_factory=list)
    seconds: float = 0.0
    sabotage: Sequence[Sabotage] = ()
    away: list[tuple[float, float]] = field(default_factory=list)  # when 503 is an honest answer
    orders: int = 0
    deadlocks: int = 0  # that PostgreSQL broke and the shop retried, seen by nobody else
    lock_timeouts: int = 0
    note: str = ""
    wrong: list[str] = field(default_factory=list)

    @property
    def answers(self) -> list[Answer]:
        return [told.answer for told in self.told]

    @property
    def slowest(self) -> float:
        return max((answer.seconds for answer in self.answers), default=0.0)

    @property
    def usual(self) -> float:
        """The 95th percentile, in seconds."""
        took = [answer.seconds for answer in self.answers]
        return statistics.quantiles(took, n=20, method="inclusive")[-1] if len(took) > 1 else self.slowest


class Ground:
    """Hands out buyers and goods that no race has used yet, and judges."""

    def __init__(self, stand: Stand, people: Sequence[Person], seed: int) -> None:
        self.stand = stand
        self.chance = random.Random(seed)
        self._people = iter(people)
        self._goods = 0
        self._log_read = 0

    def buyers(self, count: int) -> list[Buyer]:
        return [Buyer(self.stand.url, next(self._people)) for _ in range(count)]

    def clones(self, count: int) -> list[Buyer]:
        """Return one customer with so many connections."""
        person = next(self._people)
        return [Buyer(self.stand.url, person) for _ in range(count)]

    def goods(self, *units: int) -> dict[str, int]:
        """Put new things on sale; return how many there are, by variant."""
        wanted = [Goods(f"thing-{self._goods + n}", f"THING-{self._goods + n}", PRICE, u) for n, u in enumerate(units)]
        self._goods += len(wanted)
        made = stock_goods(self.stand, wanted)
        return {made[each.sku]: each.units for each in wanted}

    def run(self, race: Race, actions: Sequence[tuple[Buyer, Callable[[], Answer]]]) -> None:
        """Let all actions begin at once, break what the race says, and note what was told."""
        for buyer, _ in actions:
            with suppress(OSError):
                buyer.connect()
        answered: list[Answer] = []

        def counted(action: Callable[[], Answer]) -> Callable[[], Answer]:
            def act() -> Answer:
                answer = action()
                answered.append(answer)
                return answer

            return act

        saboteur = _Saboteur(self.stand, race, answered, len(actions))
        saboteur.start()
        answers, seconds = at_once([counted(action) for _, action in actions])
        saboteur.finish()
        race.seconds += seconds
        race.told += [Told(buyer, answer) for (buyer, _), answer in zip(actions, answers, strict=True)]
        for buyer, _ in actions:
            buyer.close()

    # --- judging

    def judge(self, race: Race, *, refusals: set[str], orders: int | None = None) -> Race:
        """Look into the database. ``refusals`` are the codes that somebody may be refused with.

        ``orders`` is how many there must be, where that is certain.
        """
        placed = self._orders_of({told.buyer.person.id for told in race.told})
        race.orders = sum(len(found) for found in placed.values())
        race.wrong += [*unanswered(race), *errors(race), *odd_refusals(race, refusals), *untruths(race, placed)]
        if orders is not None and race.orders != orders:
            race.wrong.append(f"{race.orders} orders were placed, it should be {orders}")
        race.wrong += [*self.oversold(race.shelf), *self.stock_faults()]
        race.deadlocks, race.lock_timeouts = self.lock_trouble()
        return race

    def judge_payments(self, race: Race, *, refusals: set[str]) -> Race:
        """Look at a race in which orders that were there are paid; what became of them is the race's to know."""
        race.orders = sum(told.answer.status in (200, PLACED) for told in race.told)
        race.wrong += [*unanswered(race), *errors(race), *odd_refusals(race, refusals)]
        race.wrong += [*self.oversold(race.shelf), *self.stock_faults(), *self.ledger_faults()]
        race.deadlocks, race.lock_timeouts = self.lock_trouble()
        return race

    def _orders_of(self, users: set[str]) -> dict[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for user, order in self.stand.sql(
            "SELECT user_id::text, id::text FROM orders_order WHERE user_id = ANY(%s::uuid[])", list(users)
        ):
            found[user].append(order)
        return found

    def oversold(self, shelf: Mapping[str, int]) -> Iterator[str]:
        """Name variants of which more was sold than there was, or whose count is not what orders left of it."""
        for variant, available, sold in self.stand.sql(
            "SELECT s.variant_id::text, s.available, coalesce(sum(i.quantity - i.cancelled_quantity)"
            " FILTER (WHERE o.status <> 'cancelled'), 0) FROM catalog_stock AS s"
            " LEFT JOIN orders_orderitem AS i ON i.variant_id = s.variant_id"
            " LEFT JOIN orders_order AS o ON o.id = i.order_id"
            " WHERE s.variant_id = ANY(%s::uuid[]) GROUP BY s.variant_id",
            list(shelf),
        ):
            if sold > shelf[variant]:
                yield f"oversold: {sold} of {shelf[variant]} units of variant {variant}"
            if available != shelf[variant] - sold:
                yield f"variant {variant}: {shelf[variant]} units, {sold} sold, the shop says {available} are left"

    def stock_faults(self) -> Iterator[str]:
        for check in CHECKS:
            for (sentence,) in self.stand.sql(check.sql):
                yield f"{check.name}: {sentence}"

    def ledger_faults(self) -> Iterator[str]:
        checked = self.stand.manage("check_ledger", check=False)
        if checked.returncode:
            yield f"check_ledger: {' / '.join((checked.stdout + checked.stderr).splitlines())[-500:]}"

    def lock_trouble(self) -> tuple[int, int]:
        """Return the deadlocks and lock time-outs in PostgreSQL's log since the last look."""
        with open(self.stand.postgres.log, "rb") as log:
            log.seek(self._log_read)
            lines = log.read()
        self._log_read += len(lines)
        return (
            len(re.findall(rb"ERROR: +deadlock detected", lines)),
            len(re.findall(rb"ERROR: +canceling statement due to lock timeout", lines)),
        )


class _Saboteur(threading.Thread):
    """Breaks what a race says, when it says so, and starts again what has ended."""

    def __init__(self, stand: Stand, race: Race, answered: Sequence[Answer], total: int) -> None:
        super().__init__(name="saboteur")
        self.stand, self.race, self.answered, self.total = stand, race, answered, total
        self._due = sorted(race.sabotage, key=lambda each: each.part)
        self._over = threading.Event()

    def run(self) -> None:
        try:
            while self._due and not self._over.wait(0.005):
                if len(self.answered) / self.total >= self._due[0].part:
                    self._do(self._due.pop(0))
                self.stand.start_again()
            for left in self._due:  # the buyers were faster
                self._do(left)
            self.stand.start_again()
        except Exception:  # noqa: BLE001 - a thread's failure must end up in the verdict
            self.race.wrong.append(traceback.format_exc())

    def _do(self, sabotage: Sabotage) -> None:
        began = time.monotonic()
        sabotage.do()
        if sabotage.database:
            self.race.away.append((began, time.monotonic() + HEALS_WITHIN))

    def finish(self) -> None:
        """Break the rest, if the buyers were faster, and wait."""
        self._over.set()
        self.join()


def unanswered(race: Race) -> Iterator[str]:
    for answer in race.answers:
        if not answer.status:
            yield f"no answer within {ANSWER_WITHIN:.0f} s; last: {answer.misses[-1] if answer.misses else 'nothing'}"
        elif answer.seconds > ANSWER_WITHIN:
            yield f"an answer took {answer.seconds:.0f} s"


def errors(race: Race) -> Iterator[str]:
    """Name answers above 499 and broken connections that nothing excuses."""
    may_break = bool(race.sabotage)
    for answer in race.answers:
        for miss in answer.misses:
            excused = any(begin <= miss.at <= end for begin, end in race.away)
            if miss.status == 0 and not may_break:
                yield f"a connection broke: {miss.text}"
            elif miss.status == 429 or (miss.status >= 500 and not (miss.status == 503 and excused)):
                yield f"{miss.status}: {miss.text}"


def odd_refusals(race: Race, refusals: set[str]) -> Iterator[str]:
    odd = Counter(
        f"{answer.status} {answer.code}"
        for answer in race.answers
        if answer.status not in (0, PLACED) and answer.code not in refusals
    )
    for what, count in odd.items():
        yield f"{count} unexpected answers: {what}"


def untruths(race: Race, placed: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Name customers who have another order than they were told, or one that they were not told of."""
    told: defaultdict[str, set[str]] = defaultdict(set)
    for each in race.told:
        told[each.buyer.person.id] |= {each.order_id} - {""}
    for user, orders in told.items():
        there = placed.get(user, [])
        if len(there) > len(orders):
            yield f"double order: a customer was told of {len(orders)} and has {len(there)}"
        elif set(there) != orders:
            yield f"a customer was told {sorted(orders)} and has {sorted(there)}"
