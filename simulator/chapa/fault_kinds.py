"""Every fault that Chapa (Ethiopia), v1 can be told to have."""

from simulator.faults import FaultKind

CHAPA_FAULTS: tuple[FaultKind, ...] = ()
