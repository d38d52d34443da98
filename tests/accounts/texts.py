"""A phone for tests: what it got by text message."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from accounts.sms.backends import SmsReceipt


@dataclass
class Phones:
    """Stands in for the carrier. ``run_owed_work`` does what a worker would."""

    run_owed_work: Callable[[], list[str]]
    sent: list[tuple[str, str]] = field(default_factory=list)
    failure: Exception | None = None  # raised instead of sending

    def send(self, *, to: str, text: str) -> SmsReceipt:
        if self.failure is not None:
            raise self.failure
        self.sent.append((to, text))
        return SmsReceipt(service_id=f"sms-{len(self.sent)}")

    def newest_code(self, to: str) -> str:
        """Send what is owed, and return the digits of the last message to a phone."""
        self.run_owed_work()
        texts = [text for number, text in self.sent if number == to]
        found = re.match(r"([0-9]{6}) is your ", texts[-1])
        assert found is not None
        return found[1]
