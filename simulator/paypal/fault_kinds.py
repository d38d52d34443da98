"""Every fault that PayPal can be told to have."""

from simulator.faults import FaultKind

PAYPAL_FAULTS: tuple[FaultKind, ...] = ()
