"""Every fault that Stripe can be told to have."""

from simulator.faults import FaultKind

STRIPE_FAULTS: tuple[FaultKind, ...] = ()
