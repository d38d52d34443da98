"""Building plans of deliveries: repeating a callback, and running two sequences side by side."""

from collections.abc import Iterable
from itertools import chain

from simulator.deliveries import Callback, Step
from simulator.faults import Fault

PROVIDER = "daraja"


def repeated(callback: Callback, doubled: Fault | None) -> list[Step]:
    """Return the steps of one callback, or of as many as the fault ``…_doubled`` says."""
    if doubled is None:
        return [Step((callback,))]
    times: int = doubled.parameters["times"]
    if doubled.parameters["parallel"]:
        return [Step((callback,) * times)]
    return [Step((callback,))] * times


def delayed(steps: list[Step], late: Fault | None) -> list[Step]:
    """Return steps that all begin as many seconds later as the fault ``…_late`` says."""
    if late is None or not steps:
        return steps
    return [Step(steps[0].callbacks, late.parameters["seconds"]), *steps[1:]]


def merged(first: Iterable[Step], second: Iterable[Step]) -> tuple[Step, ...]:
    """Put two sequences into one by the moments at which their steps are due; ``first`` goes first at a tie."""
    timed = sorted(chain(_moments(first), _moments(second)), key=lambda pair: pair[0])
    steps: list[Step] = []
    clock = 0.0
    for moment, callbacks in timed:
        steps.append(Step(callbacks, moment - clock))
        clock = moment
    return tuple(steps)


def _moments(steps: Iterable[Step]) -> list[tuple[float, tuple[Callback, ...]]]:
    moments: list[tuple[float, tuple[Callback, ...]]] = []
    clock = 0.0
    for step in steps:
        clock += step.delay
        moments.append((clock, step.callbacks))
    return moments
