"""An authenticator app for tests, and a clock that both sides look at."""

import base64
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from accounts.second_factor import services, totp
from accounts.second_factor.models import SecondFactor

TWO_FACTOR = "/api/auth/2fa/"


class Clock:
    """Seconds since 1970 as the shop sees them; it stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def next_step(self) -> None:
        self.now += totp.STEP


@dataclass
class Phone:
    """The app of one user; it knows the secret from the QR code alone."""

    user: User
    secret: bytes
    clock: Clock
    recovery_codes: list[str]

    def code(self, steps: int = 0) -> str:
        return totp.code_at(self.secret, int(self.clock.now // totp.STEP) + steps)

    def wrong_code(self) -> str:
        """Return six digits that no step near now has."""
        near = {self.code(steps) for steps in range(-3, 4)}
        return next(code for code in (f"{n:06d}" for n in range(10)) if code not in near)


def secret_of(text: str) -> bytes:
    return base64.b32decode(text)


def with_factor(user: User, clock: Clock, request: Any) -> Phone:
    """Give ``user`` a second factor whose first code lies in the past."""
    beginning = services.begin(user, request=request, is_fresh=True)
    phone = Phone(user, secret_of(beginning.secret), clock, [])
    phone.recovery_codes = services.confirm(user, request=request, code=phone.code())
    user.refresh_from_db()
    clock.next_step()
    return phone


def factor_of(user: User) -> SecondFactor:
    return SecondFactor.objects.get(user=user)
