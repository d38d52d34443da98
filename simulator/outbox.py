"""Webhooks of the providers that tell everything as events: collected while it happens, sent once it is kept."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from simulator.deliveries import Callback, Deliveries, Plan, Step
from simulator.documents import Document
from simulator.faults import Fault, FaultKind
from simulator.store import Store

EventFaults = Mapping[str, Fault]  # by their names without the prefix
NO_FAULTS: EventFaults = {}
# Writes the callbacks of an event, one for each address that wants it.
Writer = Callable[[Document, EventFaults], list[Callback]]


def event_faults(prefix: str, stage: str, about: str, *more: tuple[str, str, dict[str, Any]]) -> tuple[FaultKind, ...]:
    """Return the faults of webhooks; ``about`` says which they strike, ``more`` are a provider's own."""
    kinds: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("lost", "are not sent", {}),
        ("doubled", "are sent n times, with the same event id", {"times": 2, "parallel": False}),
        ("late", "are sent so many seconds late", {"seconds": 5.0}),
        ("early", "go out before the answer, which waits for the first (at most so many seconds)", {"seconds": 5.0}),
        ("reordered", "wait until another payment's have gone out, at most so many seconds", {"seconds": 5.0}),
        ("reversed", "come in reverse order", {}),
        ("together", "come all at the same moment", {}),
        ("forged", "are signed with another key", {}),
        ("tampered", "have an amount changed after they were signed", {}),
        ("unsigned", "have no signature", {}),
        *more,
    )
    return tuple(
        FaultKind(f"{prefix}_{name}", stage, f"{about} {effect}", parameters) for name, effect, parameters in kinds
    )


def without_prefix(faults: Iterable[Fault], prefix: str) -> EventFaults:
    """Return the faults whose names begin with a prefix, by the rest of their names."""
    return {fault.name.removeprefix(f"{prefix}_"): fault for fault in faults if fault.name.startswith(f"{prefix}_")}


@dataclass(frozen=True)
class Outgoing:
    """Recorded webhooks of one payment that wait to be sent."""

    plan: Plan
    delivery_ids: list[list[int]]
    early_seconds: float | None  # a fault wants them out before the merchant has the answer


@dataclass(frozen=True)
class _Happened:
    owner: str
    faults: EventFaults
    events: list[Document]


class Outbox:
    def __init__(self, provider: str, store: Store, deliveries: Deliveries, write: Writer) -> None:
        self._provider = provider
        self._store = store
        self._deliveries = deliveries
        self._write = write
        self._happened: list[_Happened] = []

    def add(self, event: Document, owner: str, faults: EventFaults) -> None:
        """Put an event of a payment beside those that happened to it at the same moment."""
        last = self._happened[-1] if self._happened else None
        if last and last.owner == owner and last.faults == faults:
            last.events.append(event)
        else:
            self._happened.append(_Happened(owner, faults, [event]))

    def take(self) -> list[Outgoing]:
        """Record the webhooks of what has happened; call it in the transaction in which it happened."""
        happened, self._happened = self._happened, []
        outgoing: list[Outgoing] = []
        for entry in happened:
            plan = self._plan(entry)
            if plan.steps:
                early = entry.faults.get("early")
                seconds = early.parameters["seconds"] if early else None
                outgoing.append(Outgoing(plan, self._deliveries.record(plan), seconds))
        return outgoing

    def send(self, outgoing: Iterable[Outgoing]) -> None:
        for entry in outgoing:
            self._deliveries.start(entry.plan, entry.delivery_ids)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all or nothing of what happens inside; events that nobody took are dropped."""
        try:
            with self._store.transaction():
                yield
        finally:
            self._happened = []

    @contextmanager
    def sent_at_once(self) -> Iterator[None]:
        """Keep all or nothing of what happens inside, then send its webhooks: nobody waits for an answer."""
        with self.transaction():
            yield
            outgoing = self.take()
        self.send(outgoing)

    def _plan(self, happened: _Happened) -> Plan:
        """Plan the webhooks of what happened at one moment."""
        faults = happened.faults
        steps: list[Step] = []
        for events in _batches(happened.events, faults):
            callbacks = tuple(callback for event in events for callback in self._write(event, faults))
            if callbacks:
                # The first that is sent, which need not be the first event: nobody may want that one.
                late = None if steps else faults.get("late")
                steps.append(Step(callbacks, late.parameters["seconds"] if late else 0.0))
        reordered = faults.get("reordered")
        seconds = reordered.parameters["seconds"] if reordered else None
        return Plan(self._provider, happened.owner, tuple(steps), overtake_seconds=seconds)


def _batches(events: Sequence[Document], faults: EventFaults) -> list[tuple[Document, ...]]:
    """Return which events are sent at the same time, one batch after the other."""
    ordered = tuple(reversed(events)) if "reversed" in faults else tuple(events)
    batches: list[tuple[Document, ...]] = [ordered] if "together" in faults else [(event,) for event in ordered]
    doubled = faults.get("doubled")
    if doubled is None:
        return batches
    times: int = doubled.parameters["times"]
    if doubled.parameters["parallel"]:
        return [batch * times for batch in batches]
    return [batch for batch in batches for _ in range(times)]
