"""Who somebody was, for as long as it takes to forget it."""

import re
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.utils.crypto import salted_hmac

from accounts.models import User

_SHORTEST_NAME = 3  # letters; shorter ones stand in too many words
REMOVED = "[removed]"


@dataclass(frozen=True)
class Identity:
    user_id: UUID
    email: str
    phone_number: str
    names: tuple[str, ...]  # first, last, username
    pseudonym: str
    _pattern: re.Pattern[str] = field(repr=False, compare=False)

    @property
    def needles(self) -> list[str]:
        """Return what must be found nowhere any more."""
        return [text for text in (self.email, self.phone_number, *self.names) if text]

    def scrub(self, text: str) -> str:
        """Return a text without the person's e-mail, phone number and names, however they are written."""
        return self._pattern.sub(REMOVED, text)


def identity_of(user: User) -> Identity:
    email, phone = user.email or "", user.phone_number
    # A username that the shop made from the address has its first half.
    names = tuple(name for name in (user.first_name, user.last_name, user.username) if len(name) >= _SHORTEST_NAME)
    return Identity(
        user.pk, email, phone, names, pseudonym_of(email or phone or user.pk.hex), _pattern(email, phone, names)
    )


def pseudonym_of(identifier: str) -> str:
    """Return the keyed hash that stands for somebody in the books.

    Whoever holds the key and asks about an address or a number finds what the law made us keep; nobody else does.
    """
    return salted_hmac("accounts.privacy", identifier, secret=settings.PSEUDONYM_KEY, algorithm="sha256").hexdigest()[
        :32
    ]


def _pattern(email: str, phone: str, names: tuple[str, ...]) -> re.Pattern[str]:
    ways = [re.escape(email)] if email else []
    if digits := phone.lstrip("+"):
        # 254712345678, 0712 345 678, +254-712-345-678
        national = digits.removeprefix("254")
        ways.append(r"(?:\+?254|0|\+)?[\s().-]*" + r"[\s().-]*".join(national))
    ways += [rf"\b{re.escape(name)}\b" for name in names]
    return re.compile("|".join(ways) or r"(?!)", re.IGNORECASE)
