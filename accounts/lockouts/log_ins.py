"""Tries to log in, counted twice: for the name that was given, and for the account that it names.

Somebody is known by an e-mail address, a username and a phone number; guesses by all three are guesses at one account.
A name that has failed too often is refused before anything is looked up. An account that waits although this very name
does not is compared with nothing, at the cost of a comparison: a quick answer would tell that the two names belong
together. An unknown name has an account of its own here, so that the same statements run.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest

from accounts.lockouts import services as lockouts
from accounts.lockouts.exceptions import LockedOut
from accounts.lockouts.services import LOGIN, Attempt
from accounts.models import User
from accounts.names import log_in_name

ACCOUNT = "account"


@dataclass(frozen=True)
class LogInTry:
    by_name: Attempt
    of_account: Attempt | None  # None: the account waits

    @property
    def may_succeed(self) -> bool:
        return self.of_account is not None

    def failed(self) -> None:
        # Of two waits that begin at once, the trail tells once.
        lockouts.failed(self.by_name if self.by_name.locks or self.of_account is None else self.of_account)

    def succeeded(self) -> None:
        self._both(lockouts.succeeded)

    def given_up(self) -> None:
        self._both(lockouts.given_up)

    def _both(self, settle: Callable[[Attempt], None]) -> None:
        settle(self.by_name)
        if self.of_account is not None:
            settle(self.of_account)


def begin(name: str, find: Callable[[], User | None], *, request: HttpRequest | None) -> tuple[User | None, LogInTry]:
    """Count a try by ``name``, in its normal form, and for whom ``find`` finds by it.

    Raises:
        LockedOut: the name or the network has failed too often; nothing was looked up.
    """
    by_name = lockouts.check(LOGIN, name, request=request)
    user = find()
    try:
        of_account = lockouts.check(ACCOUNT, str(user.pk) if user is not None else name, request=request)
    except LockedOut:
        return user, LogInTry(by_name, None)
    return user, LogInTry(by_name, of_account)


def forgive(user: User) -> None:
    """End the waits of somebody who has proved who they are by another way, by whichever name they were tried."""
    names = filter(None, (user.email, user.username, user.phone_number))
    lockouts.forgive(LOGIN, *map(log_in_name, names))
    lockouts.forgive(ACCOUNT, str(user.pk))
