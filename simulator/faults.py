"""Faults on demand: by probability, reproducible by seed, and as a queue of one-shot scenarios.

A scenario is one or more faults of one provider that strike the same request. It belongs to a stage, the earliest
of its faults' stages. M-Pesa's are:

* ``push``: consumed by the next valid push. Callback, result, query and C2B faults in it stay with that payment;
  each query fault answers one query, in the order given.
* ``query``: a scenario of query faults alone, consumed by the next query.
* ``oauth``: a scenario of token faults alone, consumed by the next token request.
* ``c2b``: consumed by the next confirmation. ``b2c``, ``reversal``, ``status``, ``balance``, ``pull``: each alone,
  consumed by the next request of its kind. ``result``: alone, consumed by the next result that is sent.

The other providers name theirs ``<provider>.<stage>``, in the order of a payment's life.

Probabilities are drawn per request with a generator seeded from (seed, stage, number of the request), so the
same seed and the same order of requests give the same faults, however the stages interleave.
"""

import random
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from simulator.msisdn import normalise_msisdn

LARGEST_COUNT = 1_000_000


class BadFaults(Exception):
    """A fault description that cannot be used; the message names what is wrong."""


@dataclass(frozen=True)
class FaultKind:
    name: str
    stage: str  # the request that draws it
    effect: str
    parameters: dict[str, Any] = field(default_factory=dict)  # with their defaults
    refused_values: tuple[Any, ...] = ()
    alone: bool = False  # a scenario of this stage holds no fault of another

    @property
    def provider(self) -> str:
        provider, dot, _ = self.stage.partition(".")
        return provider if dot else "daraja"


@dataclass(frozen=True)
class Fault:
    name: str
    parameters: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {"fault": self.name, **self.parameters}


@dataclass
class Scenario:
    faults: tuple[Fault, ...]
    stage: str
    count: int
    msisdn: str | None = None
    reference: str | None = None  # the merchant's own reference of a payment

    def strikes(self, msisdn: str | None, reference: str | None) -> bool:
        return self.msisdn in (None, msisdn) and self.reference in (None, reference)

    def as_json(self) -> dict[str, Any]:
        return {
            "faults": [fault.as_json() for fault in self.faults],
            "count": self.count,
            "msisdn": self.msisdn,
            "reference": self.reference,
        }


class FaultBox:
    """Holds the faults that are set and hands them out. Kept in memory: a restart forgets them."""

    def __init__(self, kinds: tuple[FaultKind, ...], seed: int) -> None:
        self._kinds = {kind.name: kind for kind in kinds}
        if len(self._kinds) != len(kinds):
            raise ValueError("two faults have one name")
        self._stages = tuple(dict.fromkeys(kind.stage for kind in kinds))  # in the order of a payment's life
        self._first_seed = seed
        self.clear()

    def clear(self) -> None:
        self._seed = self._first_seed
        self._probabilities: dict[str, float] = {}
        self._queues: dict[str, deque[Scenario]] = {stage: deque() for stage in self._stages}
        self._drawn: Counter[str] = Counter()
        self._struck: Counter[str] = Counter()

    def configure(self, wanted: Any) -> None:
        """Replace what is named: ``seed``, ``probabilities``, ``queue``. A seed restarts the count.

        Raises:
            BadFaults: nothing was changed.
        """
        if not isinstance(wanted, dict) or not wanted:
            raise BadFaults("Send an object with seed, probabilities or queue.")
        if unknown := set(wanted) - {"seed", "probabilities", "queue"}:
            raise BadFaults(f"Unknown key: {', '.join(sorted(unknown))}. Known: seed, probabilities, queue.")
        seed = wanted.get("seed", self._seed)
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise BadFaults("seed must be a whole number.")
        probabilities = self._read_probabilities(wanted.get("probabilities", self._probabilities))
        scenarios: list[Scenario] | None = None
        if "queue" in wanted:
            if not isinstance(wanted["queue"], list):
                raise BadFaults("queue must be a list of scenarios.")
            scenarios = [self._read_scenario(entry) for entry in wanted["queue"]]

        self._probabilities = probabilities
        if "seed" in wanted:
            self._seed = seed
            self._drawn.clear()
        if scenarios is not None:
            self._queues = {stage: deque() for stage in self._stages}
            for scenario in scenarios:
                self._queues[scenario.stage].append(scenario)

    def draw(self, stage: str, msisdn: str | None = None, reference: str | None = None) -> tuple[Fault, ...]:
        """Return the faults that strike this request: a queued scenario if one fits, else by probability."""
        self._drawn[stage] += 1
        faults = self._next_scenario(stage, msisdn, reference) or self._by_chance(stage)
        self._struck.update(fault.name for fault in faults)
        return faults

    def _next_scenario(self, stage: str, msisdn: str | None, reference: str | None) -> tuple[Fault, ...]:
        queue = self._queues[stage]
        for scenario in queue:
            if scenario.strikes(msisdn, reference):
                scenario.count -= 1
                if scenario.count == 0:
                    queue.remove(scenario)
                return scenario.faults
        return ()

    def _by_chance(self, stage: str) -> tuple[Fault, ...]:
        if not self._probabilities:
            return ()
        # Not for secrets, but for the same faults again.
        chance = random.Random(f"{self._seed}:{stage}:{self._drawn[stage]}")  # noqa: S311
        # One number per known fault, set or not: one more probability leaves the others' fate alone.
        return tuple(
            Fault(kind.name, dict(kind.parameters))
            for kind in self._kinds.values()
            if kind.stage == stage and chance.random() < self._probabilities.get(kind.name, 0.0)
        )

    def describe(self) -> dict[str, Any]:
        return {
            "seed": self._seed,
            "probabilities": self._probabilities,
            "queue": [scenario.as_json() for stage in self._stages for scenario in self._queues[stage]],
            "drawn": {stage: self._drawn[stage] for stage in self._stages},
            "struck": dict(sorted(self._struck.items())),
            "known": {
                kind.name: {"stage": kind.stage, "parameters": kind.parameters, "effect": kind.effect}
                for kind in self._kinds.values()
            },
        }

    def _read_probabilities(self, wanted: Any) -> dict[str, float]:
        if not isinstance(wanted, dict):
            raise BadFaults("probabilities must be an object of fault names and numbers from 0 to 1.")
        for name, probability in wanted.items():
            self._kind(name)
            if isinstance(probability, bool) or not isinstance(probability, int | float):
                raise BadFaults(f"The probability of {name} must be a number from 0 to 1.")
            if not 0 <= probability <= 1:
                raise BadFaults(f"The probability of {name} must be a number from 0 to 1.")
        return {name: float(probability) for name, probability in wanted.items()}

    def _read_scenario(self, entry: Any) -> Scenario:
        """Read ``{"faults": [...], "count": 1, "msisdn": null, "reference": null}`` or ``{"fault": name, ...}``."""
        if isinstance(entry, str):
            entry = {"fault": entry}
        if not isinstance(entry, dict):
            raise BadFaults("A scenario is a fault name or an object.")
        rest = dict(entry)
        count, phone, reference = rest.pop("count", 1), rest.pop("msisdn", None), rest.pop("reference", None)
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= LARGEST_COUNT:
            raise BadFaults("count must be a whole number, at least 1.")
        msisdn = None if phone is None else normalise_msisdn(str(phone))
        if phone is not None and msisdn is None:
            raise BadFaults(f"{phone} is no Kenyan mobile number.")
        if reference is not None and not isinstance(reference, str):
            raise BadFaults("reference must be text.")
        if "faults" in rest:
            listed = rest.pop("faults")
            if rest or not isinstance(listed, list) or not listed:
                raise BadFaults("A scenario has faults (a list, not empty), count, msisdn and reference.")
        else:
            listed = [rest]
        faults = tuple(self._read_fault(item) for item in listed)
        kinds = [self._kind(fault.name) for fault in faults]
        stages = {kind.stage for kind in kinds}
        if len(stages) > 1 and any(kind.alone for kind in kinds):
            names = ", ".join(kind.stage for kind in kinds if kind.alone)
            raise BadFaults(f"A scenario with faults of {names} can hold no others.")
        if len({kind.provider for kind in kinds}) > 1:
            raise BadFaults("A scenario holds the faults of one provider.")
        stage = next(name for name in self._stages if name in stages)
        return Scenario(faults, stage, count, msisdn, reference)

    def _read_fault(self, item: Any) -> Fault:
        if isinstance(item, str):
            item = {"fault": item}
        if not isinstance(item, dict) or not isinstance(item.get("fault"), str):
            raise BadFaults('A fault is a name or {"fault": name, ...parameters}.')
        kind = self._kind(item["fault"])
        given = {name: value for name, value in item.items() if name != "fault"}
        if unknown := set(given) - set(kind.parameters):
            raise BadFaults(f"{kind.name} has no parameter {', '.join(sorted(unknown))}.")
        for name, value in given.items():
            if value in kind.refused_values or not _is_usable(value, kind.parameters[name]):
                raise BadFaults(f"{name} of {kind.name} has a value that cannot be used: {value!r}.")
        return Fault(kind.name, {**kind.parameters, **given})

    def _kind(self, name: Any) -> FaultKind:
        if name not in self._kinds:
            raise BadFaults(f"Unknown fault: {name}. Known: {', '.join(sorted(self._kinds))}.")
        return self._kinds[name]


def _is_usable(value: Any, default: Any) -> bool:
    """Check a value against the kind of its default; None as default stands for a positive whole number."""
    if isinstance(default, bool):
        return isinstance(value, bool)
    if isinstance(default, str):
        return isinstance(value, str) and 0 < len(value) <= 40
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if isinstance(default, float):
        return 0 <= value <= LARGEST_COUNT
    return isinstance(value, int) and 1 <= value <= LARGEST_COUNT
