"""What goes wrong with signed webhooks on their way, the same for every provider that sends them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from simulator.deliveries import Callback, Plan, Step
from simulator.faults import Fault, FaultKind


def delivery_faults(prefix: str, stage: str) -> tuple[FaultKind, ...]:
    """Return the faults that leave a webhook's content alone; ``prefix`` is like ``paystack_webhook``."""
    return (
        FaultKind(f"{prefix}_lost", stage, "no webhook is sent"),
        FaultKind(f"{prefix}_late", stage, "the webhook is sent so many seconds late", {"seconds": 5.0}),
        FaultKind(
            f"{prefix}_doubled",
            stage,
            "the webhook is sent n times, at once or with pauses",
            {"times": 2, "parallel": False, "seconds": 0.0},
        ),
        FaultKind(
            f"{prefix}_reordered",
            stage,
            "the webhook waits until another payment's has gone out, at most so many seconds",
            {"seconds": 5.0},
        ),
        FaultKind(f"{prefix}_bad_signature", stage, "the webhook is signed with another secret"),
    )


@dataclass(frozen=True)
class Outgoing:
    """A webhook with the faults that strike it. ``before`` and ``after`` go out beside it."""

    provider: str
    payment_id: str
    prefix: str  # of the faults' names
    callback: Callback
    struck: Mapping[str, Fault]
    before: tuple[Callback, ...] = ()
    after: tuple[Callback, ...] = ()

    def plan(self) -> Plan:
        names = [name for name in self.struck if name.startswith(self.prefix)]
        note = ", ".join(names) or self.callback.note
        callback = replace(self.callback, note=note, lost=f"{self.prefix}_lost" in self.struck)
        late = self.struck.get(f"{self.prefix}_late")
        steps = [Step((extra,)) for extra in self.before]
        steps += self._repeated(callback, late.parameters["seconds"] if late else 0.0)
        steps += [Step((extra,)) for extra in self.after]
        reordered = self.struck.get(f"{self.prefix}_reordered")
        return Plan(
            self.provider,
            self.payment_id,
            tuple(steps),
            overtake_seconds=reordered.parameters["seconds"] if reordered else None,
        )

    def _repeated(self, callback: Callback, delay: float) -> list[Step]:
        doubled = self.struck.get(f"{self.prefix}_doubled")
        if doubled is None:
            return [Step((callback,), delay)]
        times: int = doubled.parameters["times"]
        if doubled.parameters["parallel"]:
            return [Step((callback,) * times, delay)]
        return [Step((callback,), delay), *[Step((callback,), doubled.parameters["seconds"])] * (times - 1)]
