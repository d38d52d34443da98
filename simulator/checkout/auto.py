"""Customers who act by themselves as soon as a checkout opens, for tests and load. Forgotten by a restart."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator.checkout.models import ActionUnknown, Checkout, CheckoutGone, CheckoutHost

logger = logging.getLogger(__name__)

EVERY_PROVIDER = "*"
PAY = "pay"  # stands for the first action that pays
LONGEST_DELAY = 3600
LONGEST_TEXT = 100


class BadAutoCheckout(Exception):
    """A rule that cannot be used; the message says why."""


@dataclass(frozen=True)
class AutoCheckout:
    provider: str
    reference: str | None  # the merchant's own; None for every checkout
    action: str
    delay_seconds: float

    def as_json(self) -> dict[str, Any]:
        return {
            "provider": self.provider,
            "reference": self.reference,
            "action": self.action,
            "delay_seconds": self.delay_seconds,
        }


class AutoCheckouts:
    def __init__(self, hosts: Mapping[str, CheckoutHost]) -> None:
        self._hosts = hosts
        self._rules: dict[tuple[str, str | None], AutoCheckout] = {}
        self._waiting: dict[tuple[str, str], asyncio.TimerHandle] = {}

    def add(self, wanted: Any) -> AutoCheckout:
        """Add or replace the rule of a provider and a reference; it also takes up what is open already.

        Raises:
            BadAutoCheckout: nothing was changed.
        """
        rule = self._read(wanted)
        self._rules[rule.provider, rule.reference] = rule
        for host in self._hosts.values():
            for checkout in host.open_checkouts():
                self.opened(checkout)
        return rule

    def opened(self, checkout: Checkout) -> None:
        """Let the customer of a checkout act, if a rule says so. Call it once the merchant has its answer."""
        rule = self._rule_for(checkout)
        if rule is None:
            return
        key = (checkout.provider, checkout.id)
        if earlier := self._waiting.pop(key, None):
            earlier.cancel()
        loop = asyncio.get_running_loop()
        self._waiting[key] = loop.call_later(rule.delay_seconds, self._act, key, rule.action)

    def _rule_for(self, checkout: Checkout) -> AutoCheckout | None:
        """Return the rule of this reference, else the provider's, else everybody's."""
        for reference in (checkout.reference, None):
            for provider in (checkout.provider, EVERY_PROVIDER):
                if rule := self._rules.get((provider, reference)):
                    return rule
        return None

    def _act(self, key: tuple[str, str], action: str) -> None:
        self._waiting.pop(key, None)
        provider, checkout_id = key
        host = self._hosts[provider]
        checkout = host.checkout(checkout_id)
        if checkout is None or not checkout.actions:
            return  # a person was faster
        if action == PAY:
            action = next((known.name for known in checkout.actions if known.outcome == "paid"), action)
        try:
            host.act(checkout_id, action)
        except (CheckoutGone, ActionUnknown) as error:
            logger.warning("checkout %s of %s: %s is not possible: %r", checkout_id, provider, action, error)

    def _read(self, wanted: Any) -> AutoCheckout:
        if not isinstance(wanted, dict):
            raise BadAutoCheckout('Send an object: {"provider": "*", "action": "pay", "delay_seconds": 0}.')
        if unknown := set(wanted) - {"provider", "action", "delay_seconds", "reference"}:
            raise BadAutoCheckout(f"Unknown key: {', '.join(sorted(unknown))}.")
        provider = wanted.get("provider", EVERY_PROVIDER)
        if provider not in (EVERY_PROVIDER, *self._hosts):
            raise BadAutoCheckout(f"provider must be one of: {', '.join((EVERY_PROVIDER, *self._hosts))}.")
        action, reference = wanted.get("action", PAY), wanted.get("reference")
        if not isinstance(action, str) or not 0 < len(action) <= LONGEST_TEXT:
            raise BadAutoCheckout("action must be text.")
        if reference is not None and (not isinstance(reference, str) or not 0 < len(reference) <= LONGEST_TEXT):
            raise BadAutoCheckout("reference must be text.")
        delay = wanted.get("delay_seconds", 0)
        if isinstance(delay, bool) or not isinstance(delay, int | float) or not 0 <= delay <= LONGEST_DELAY:
            raise BadAutoCheckout(f"delay_seconds must be a number from 0 to {LONGEST_DELAY}.")
        return AutoCheckout(provider, reference, action, float(delay))

    def listing(self) -> list[dict[str, Any]]:
        return [rule.as_json() for rule in self._rules.values()]

    def clear(self) -> None:
        """Forget every rule, and what was about to happen by one."""
        self._rules.clear()
        self.stop()

    def stop(self) -> None:
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()
