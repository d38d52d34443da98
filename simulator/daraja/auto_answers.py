"""Phones that answer their prompts by themselves, for load tests. Kept in memory: a restart forgets them."""

from dataclasses import dataclass
from typing import Any

from simulator.msisdn import normalise_msisdn

EVERY_PHONE = "*"
ACTIONS = ("cancel", "timeout")
LONGEST_DELAY = 3600


class BadAutoAnswer(Exception):
    """A rule that cannot be used; the message says why."""


@dataclass(frozen=True)
class AutoAnswer:
    msisdn: str
    pin: str | None
    action: str | None
    delay_seconds: float

    def as_json(self) -> dict[str, Any]:
        answer = {"action": self.action} if self.action else {"pin": self.pin}
        return {"msisdn": self.msisdn, **answer, "delay_seconds": self.delay_seconds}


class AutoAnswers:
    def __init__(self) -> None:
        self._rules: dict[str, AutoAnswer] = {}

    def add(self, wanted: Any) -> AutoAnswer:
        """Add or replace the rule of one phone, or of ``*``.

        Raises:
            BadAutoAnswer: nothing was changed.
        """
        rule = _read(wanted)
        self._rules[rule.msisdn] = rule
        return rule

    def rule_for(self, msisdn: str) -> AutoAnswer | None:
        """Return the rule of this phone, else the one of every phone."""
        return self._rules.get(msisdn) or self._rules.get(EVERY_PHONE)

    def listing(self) -> list[dict[str, Any]]:
        return [rule.as_json() for rule in self._rules.values()]

    def clear(self) -> None:
        self._rules.clear()


def _read(wanted: Any) -> AutoAnswer:
    if not isinstance(wanted, dict):
        raise BadAutoAnswer('Send an object: {"msisdn": "*", "pin": "1234", "delay_seconds": 0}.')
    if unknown := set(wanted) - {"msisdn", "pin", "action", "delay_seconds"}:
        raise BadAutoAnswer(f"Unknown key: {', '.join(sorted(unknown))}.")
    phone = str(wanted.get("msisdn", EVERY_PHONE))
    msisdn = EVERY_PHONE if phone == EVERY_PHONE else normalise_msisdn(phone)
    if msisdn is None:
        raise BadAutoAnswer(f"{phone} is no Kenyan mobile number.")
    pin, action = wanted.get("pin"), wanted.get("action")
    if (pin is None) == (action is None):
        raise BadAutoAnswer("Give either pin or action.")
    if action is not None and action not in ACTIONS:
        raise BadAutoAnswer(f"action must be one of: {', '.join(ACTIONS)}.")
    if pin is not None and not isinstance(pin, str):
        raise BadAutoAnswer("pin must be text.")
    delay = wanted.get("delay_seconds", 0)
    if isinstance(delay, bool) or not isinstance(delay, int | float) or not 0 <= delay <= LONGEST_DELAY:
        raise BadAutoAnswer(f"delay_seconds must be a number from 0 to {LONGEST_DELAY}.")
    return AutoAnswer(msisdn, pin, action, float(delay))
