"""How many tries may fail, and how long one waits after them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

FAMILIAR = timedelta(days=90)  # for so long an account knows a network from which it was opened


@dataclass(frozen=True)
class Limit:
    """``free`` failures cost nothing; the next wait is ``first`` long, then twice, at most ``longest``.

    Each ``drain`` that passes forgives one failure, so that no count lasts for ever.
    """

    free: int
    first: timedelta
    longest: timedelta
    drain: timedelta

    @property
    def lifetime(self) -> timedelta:
        """How long a row may matter that nobody touches any more."""
        return self.drain * (self.free + 10) + self.longest

    def drained(self, failures: int, counted_at: datetime, now: datetime) -> tuple[int, datetime]:
        """Return the level at ``now`` and the moment from which the next forgiveness is counted."""
        forgiven = max(0, (now - counted_at) // self.drain)
        return (failures - forgiven, counted_at + forgiven * self.drain) if forgiven < failures else (0, now)

    def wait_after(self, failures: int) -> timedelta | None:
        """Return how long to wait after so many failures; None when the next try is free."""
        beyond = failures - self.free
        return None if beyond < 0 else min(self.longest, self.first * 2 ** min(beyond, 16))


def of_account() -> Limit:
    """Return the limit for one account, or for one account from a network that it knows.

    Five in a quarter of an hour, then hourly: some thirty guesses a day.
    """
    return Limit(
        settings.LOCKOUT_ACCOUNT_TRIES, timedelta(minutes=15), longest=timedelta(hours=1), drain=timedelta(hours=4)
    )


def of_network() -> Limit:
    """Return the limit for one network, over all accounts. Mobile carriers put thousands behind one address."""
    return Limit(
        settings.LOCKOUT_NETWORK_TRIES, timedelta(minutes=1), longest=timedelta(hours=1), drain=timedelta(minutes=2)
    )
