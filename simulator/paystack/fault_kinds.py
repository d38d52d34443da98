"""Every fault that Paystack can be told to have."""

from simulator.faults import FaultKind

PAYSTACK_FAULTS: tuple[FaultKind, ...] = ()
