"""What people may be called: names that others see must not look like somebody else's.

Usernames are ASCII letters, digits, dots, hyphens and underscores, unique in any case: a Cyrillic letter beside Latin
ones would pass for one of them. E-mail addresses are ASCII in their normal form: a dotless i in a mailbox,
or a Greek letter in a domain, names another mailbox than the one that is read. International domains are written xn--.
"""

import re

from django.core.exceptions import ValidationError
from django.db.models.functions import Lower

from accounts.models import User, normalise_email
from ecommerce.phone import InvalidPhoneNumber, normalise_phone

_USERNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
# Whoever has one of these speaks for the shop.
RESERVED = frozenset(
    {
        *("admin", "administrator", "root", "superuser", "system", "webmaster", "moderator", "staff", "anonymous"),
        *("bytemtaani", "shop", "support", "help", "info", "sales", "finance", "security", "mpesa", "api", "null"),
    }
)


def check_username(username: str) -> None:
    """Raises: ValidationError: it has other characters, or is kept for the shop."""
    if not _USERNAME.fullmatch(username):
        raise ValidationError(
            "A username has the letters a to z, digits, dots, hyphens and underscores, and begins and ends with a "
            "letter or a digit.",
            code="invalid_username",
        )
    if phone_of(username):  # one logs in by it
        raise ValidationError("A username is no phone number.", code="invalid_username")
    if re.sub(r"[._-]", "", username.lower()) in RESERVED:
        raise ValidationError("This username is kept for the shop.", code="reserved_username")


def check_email(email: str) -> None:
    """Raises: ValidationError: an address in its normal form has characters that pass for others."""
    if not email.isascii():
        raise ValidationError(
            "Write the address in plain Latin letters, and an international domain in its xn-- form.",
            code="not_ascii",
        )


def phone_of(name: str) -> str:
    """Return the phone number, in E.164, that somebody gave as their name; an empty text if it is none."""
    try:
        return normalise_phone(name)
    except InvalidPhoneNumber:
        return ""


def log_in_name(name: str) -> str:
    """Return the one form of an e-mail address, username or phone number that somebody logs in by."""
    return phone_of(name) or normalise_email(name)


def username_is_taken(username: str) -> bool:
    """Tell whether somebody is called that, in any case of its letters."""
    return User.objects.alias(lower_username=Lower("username")).filter(lower_username=username.lower()).exists()
