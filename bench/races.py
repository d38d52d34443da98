"""The race report: many buyers at once over HTTP, and nobody gets what is not there.

    python bench/races.py [--seed N] [--small] [--only WORDS] [--rounds N] [--without-locks] [--logs DIR]

A shop of real processes on a durable PostgreSQL of its own. In each race everybody's request starts at the same moment,
and each repeats its own, with its own key, until there is a definite answer. Then the database is looked into: nothing
oversold, no double order, everybody was told the truth, no error that nothing excuses, the stock is its ledger. The
exit code is 1 when anything is otherwise. ``--only`` runs the races whose names have one of these words, ``--rounds``
so many rounds of the last seven units with one fault each. The last race is the control: the same shop with its locks
cut out (bench/unlocked.py) and the stock's constraints dropped must oversell and be caught; ``--without-locks`` runs
all of them in that shop.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import race_contests, race_money, race_sections
from bench.filling import people_of
from bench.race_ground import Ground, Race
from bench.race_sections import FAULTS, FULL, SMALL, Sizes
from bench.stand import Stand

PROCESSES = ("simulator", "web", "worker", "relay")
CONTROL = "control"
Section = tuple[str, Callable[[Ground], Race]]


def sections(sizes: Sizes, rounds: int) -> Iterator[Section]:
    for units in (1, 10, 100):
        yield f"last units {units}", lambda ground, units=units: race_sections.last_units(ground, sizes, units)
    yield "single carts", lambda ground: race_sections.single_carts(ground, sizes)
    yield "mixed carts", lambda ground: race_sections.mixed_carts(ground, sizes)
    yield "opposed", lambda ground: race_sections.opposed_orders(ground, sizes)
    for way in ("own keys", "no key", "same key"):
        yield f"same cart {way}", lambda ground, way=way: race_sections.same_cart(ground, sizes, way)
    yield "same key", lambda ground: race_sections.same_key(ground, sizes)
    yield "contest", lambda ground: race_contests.contest(ground, sizes)
    yield "coupon", lambda ground: race_money.coupon(ground, sizes)
    yield "gift card", lambda ground: race_money.gift_card(ground, sizes)
    yield "gift card twice", lambda ground: race_money.spent_twice(ground, sizes)
    yield "disturbed", lambda ground: race_sections.disturbed(ground, sizes)
    for fault in islice(cycle(_drawn(sizes)), rounds):
        yield f"last seven {fault}", lambda ground, fault=fault: race_sections.last_seven(ground, sizes, fault)


def _drawn(sizes: Sizes) -> tuple[str, ...]:
    """Small runs leave out what takes its time."""
    return FAULTS if sizes is FULL else ("backends ended", "Redis emptied", "web killed")


def races(options: argparse.Namespace) -> list[Race]:
    sizes = SMALL if options.small else FULL
    rounds = sizes.rounds if options.rounds is None else options.rounds
    words = options.only.split(",")
    chosen = [(name, run) for name, run in sections(sizes, rounds) if any(word in name for word in words)]
    has_control = not options.without_locks and any(word in CONTROL for word in words)
    done: list[Race] = []
    began = time.monotonic()
    with Stand(
        logs=options.logs,
        only=PROCESSES,
        sample=False,
        simulated=True,
    ) as stand:
        if options.without_locks:
            take_locks_away(stand)
        people = people_of(stand, people_needed(sizes, rounds))
        ground = Ground(stand, people, options.seed)
        print(f"started in {time.monotonic() - began:.0f} s", file=sys.stderr)
        ground.lock_trouble()
        print(HEAD, flush=True)
        for _, run in chosen:
            race = run(ground)
            done.append(race)
            print(line_of(race), flush=True)
        if has_control:
            take_locks_away(stand)
            done.append(race_sections.without_locks(ground, sizes))
            print(line_of(done[-1]), flush=True)
        deaths = stand.deaths
    if deaths:
        done[-1].wrong.append(f"{deaths} processes died by themselves")
    return done


def take_locks_away(stand: Stand) -> None:
    stand.serve("bench.unlocked:application")
    stand.sql("DROP TRIGGER stock_available_within_limit ON catalog_stock")
    stand.sql("ALTER TABLE catalog_stock DROP CONSTRAINT stock_on_hand_covers_available")


def people_needed(sizes: Sizes, rounds: int) -> int:
    """Return how many customers there must be, each used in one race only."""
    in_crowds = (7 + sizes.controls) * sizes.buyers + rounds * sizes.round_buyers
    return in_crowds + sizes.clients + sizes.contested + sizes.clones + sizes.disturbed + 100


HEAD = (
    f"{'race':<48}{'orders':>7}{'refused':>8}{'again':>7}{'inside':>7}{'p95 s':>7}{'max s':>7}{'orders/s':>9}  verdict"
)


def line_of(race: Race) -> str:
    refused = sum(answer.status >= 400 for answer in race.answers)
    again = sum(len(answer.misses) for answer in race.answers)
    inside = race.deadlocks + race.lock_timeouts
    verdict = f"{len(race.wrong)} WRONG" if race.wrong else "good"
    rate = race.orders / race.seconds if race.seconds else 0.0
    numbers = f"{race.orders:>7}{refused:>8}{again:>7}{inside:>7}{race.usual:>7.2f}{race.slowest:>7.2f}{rate:>9.1f}"
    return f"{race.name:<48}{numbers}  {verdict}{f' ({race.note})' if race.note else ''}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--small", action="store_true", help="what the tests run")
    parser.add_argument("--only", default="", help="words in the names of races, comma-separated")
    parser.add_argument("--rounds", type=int, help="of the last seven units")
    parser.add_argument("--without-locks", action="store_true", help="all of them without locks")
    parser.add_argument("--logs", type=Path, help="keep the processes' logs here")
    options = parser.parse_args()
    began = time.monotonic()
    done = races(options)
    wrong = [f"{race.name}: {line}" for race in done for line in race.wrong]
    orders = sum(race.orders for race in done)
    print(
        f"\nseed {options.seed}; {len(done)} races, {orders} orders in {sum(race.seconds for race in done):.0f} s of"
        f" {time.monotonic() - began:.0f} s; deadlocks {sum(race.deadlocks for race in done)} and lock time-outs"
        f" {sum(race.lock_timeouts for race in done)}, retried inside"
    )
    for line in wrong[:50]:
        print(f"WRONG: {line}")
    print("Verdict: " + (f"{len(wrong)} violations" if wrong else "nothing oversold, everybody was told the truth"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
