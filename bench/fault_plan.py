"""What happens to each payment of a fault run, by seed: the customer, the provider's faults, the noise around them."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Fault = dict[str, Any]
PIN, WRONG_PIN = "1234", "0000"

# Shapes that the query takes now and then; each answers one question about its payment.
_QUERY_NOISE = (
    *("query_in_flight", "query_4999", "query_empty_500", "query_empty_message", "query_unknown", "query_500"),
    *("query_system_busy", "query_html_403", "query_truncated_json", "query_answer_lost", "query_token_expired"),
)
_ANSWER_LOST = ("push_answer_lost", "push_empty_body", "push_truncated_json", "push_500_after")
_NO_CONFIRMATION: Fault = {"fault": "c2b_confirmation_lost"}


@dataclass(frozen=True)
class Scenario:
    """``share`` is of a hundred payments. ``takes_minutes``: left out of short runs."""

    name: str
    share: int
    draw: Callable[[random.Random], list[Fault]] = lambda _: []
    answer: str = "pay"  # or cancel, timeout, wrong_pin, too_little
    by_paybill: bool = False
    takes_minutes: bool = False


def _fault(name: str, **parameters: Any) -> Fault:
    return {"fault": name, **parameters}


def _lost(chance: random.Random) -> list[Fault]:
    noise = chance.sample(_QUERY_NOISE, chance.choice((0, 0, 0, 1, 2)))
    return [_fault("callback_lost"), _NO_CONFIRMATION, *map(_fault, noise)]


def _doubled(chance: random.Random) -> list[Fault]:
    return [_fault("callback_doubled", times=chance.choice((2, 2, 3)), parallel=chance.random() < 0.5)]


def _late(chance: random.Random) -> list[Fault]:
    without = [_NO_CONFIRMATION] if chance.random() < 0.5 else []
    return [_fault("callback_late", seconds=round(chance.uniform(3, 15), 1)), *without]


def _reordered(chance: random.Random) -> list[Fault]:
    ways = (
        _fault("callback_reordered", seconds=round(chance.uniform(2, 8), 1)),
        _fault("callback_early", seconds=3),
        _fault("callback_failure_after_success", seconds=round(chance.uniform(0.1, 3), 1)),
        _fault("callback_success_after_failure", seconds=round(chance.uniform(0.1, 3), 1)),
        _fault("c2b_before_callback"),
    )
    return [chance.choice(ways)]


def _forged(chance: random.Random) -> list[Fault]:
    return [_fault(chance.choice(("callback_forged", "callback_forged", "callback_forged_url")))]


def _forged_unpaid(chance: random.Random) -> list[Fault]:
    return [_fault("callback_forged", after_failure=chance.random() < 0.5)]


SCENARIOS = (
    Scenario("callback lost", 20, _lost),
    Scenario("callback doubled", 20, _doubled),
    Scenario("callback late", 10, _late),
    Scenario("callbacks reordered", 10, _reordered),
    Scenario("forged callback, paid", 3, _forged),
    Scenario("forged callback, cancelled", 2, _forged_unpaid, answer="cancel", takes_minutes=True),
    Scenario("wrong amount", 3, lambda _: [_fault("callback_wrong_amount")]),
    Scenario("wrong amount, no other word", 2, lambda _: [_fault("callback_wrong_amount"), _NO_CONFIRMATION]),
    Scenario("push answer lost", 4, lambda chance: [_fault(chance.choice(_ANSWER_LOST))]),
    Scenario("answer and callback lost", 2, lambda chance: [_fault("push_answer_lost"), _fault("callback_lost")]),
    Scenario(
        "provider hangs", 2, lambda chance: [_fault(f"push_hang_{chance.choice(('before', 'after'))}", seconds=12)]
    ),
    Scenario("provider busy", 2, lambda chance: [_fault(chance.choice(("push_system_busy", "push_spike_arrest")))]),
    Scenario("provider answers 500", 1, lambda chance: [_fault(chance.choice(("push_500_before", "push_html_403")))]),
    Scenario("customer cancels", 3, answer="cancel"),
    Scenario("cancels, callback lost", 2, lambda _: [_fault("callback_lost")], answer="cancel", takes_minutes=True),
    Scenario("wrong PIN", 3, answer="wrong_pin"),
    Scenario("too little money", 3, answer="too_little"),
    Scenario("prompt not answered", 2, answer="timeout"),
    Scenario("paybill, by order number", 5, by_paybill=True),
    Scenario("undisturbed", 1),
)


@dataclass(frozen=True)
class Purchase:
    scenario: Scenario
    msisdn: str
    delay: float  # seconds until the customer answers the prompt
    faults: tuple[list[Fault], ...]  # one list for each push, of the first pushes

    @property
    def is_meant_to_pay(self) -> bool:
        return self.scenario.answer == "pay"


def plan(count: int, seed: int, *, short: bool) -> list[Purchase]:
    """Return ``count`` purchases: the scenarios in their shares, at least one of each, in an order by ``seed``."""
    chance = random.Random(seed)
    scenarios = [scenario for scenario in SCENARIOS if not (short and scenario.takes_minutes)]
    total = sum(scenario.share for scenario in scenarios)
    drawn = [each for each in scenarios for _ in range(max(1, round(each.share * count / total)))]
    chance.shuffle(drawn)
    # Rounding gives a few too many or too few; the two largest scenarios make up for it.
    while len(drawn) < count:
        drawn.append(scenarios[len(drawn) % 2])
    while len(drawn) > count:
        drawn.remove(max(scenarios, key=drawn.count))
    purchases = []
    for number, scenario in enumerate(drawn):
        faults = [] if scenario.by_paybill else [scenario.draw(chance)]
        if faults and chance.random() < 0.03:
            faults.insert(0, [_fault("push_token_expired")])  # the shop asks again at once, with a new token
        purchases.append(Purchase(scenario, f"2547{number:08d}", round(chance.uniform(0.5, 3), 1), tuple(faults)))
    return purchases


def queue_of(purchases: list[Purchase]) -> list[dict[str, Any]]:
    """Return the simulator's queue of faults, with a token service that fails a few times in between."""
    queue: list[dict[str, Any]] = [
        {"faults": faults, "msisdn": purchase.msisdn} for purchase in purchases for faults in purchase.faults if faults
    ]
    return [*queue, _fault("oauth_system_busy"), _fault("oauth_hang", seconds=6)]


def answers_of(purchases: list[Purchase]) -> list[dict[str, Any]]:
    """Return what each customer does when the prompt is there."""
    by_answer: dict[str, dict[str, str]] = {
        "pay": {"pin": PIN},
        "too_little": {"pin": PIN},
        "wrong_pin": {"pin": WRONG_PIN},
        "cancel": {"action": "cancel"},
        "timeout": {"action": "timeout"},
    }
    return [
        {"msisdn": each.msisdn, "delay_seconds": each.delay, **by_answer[each.scenario.answer]} for each in purchases
    ]
