"""Stripe's tables. Amounts are in the smallest unit, moments seconds since 1970."""

from simulator import documents, later
from simulator.stripe import idempotency

SCHEMA = documents.SCHEMA + later.SCHEMA + idempotency.SCHEMA
