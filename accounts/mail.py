"""Mail to the owners of accounts, in their language."""

from typing import Any

from accounts.models import User
from accounts.profiles.selectors import language_of
from ecommerce.mail import send_template


def mail_to(user: User, name: str, /, *, to: str | None = None, **context: Any) -> None:
    """Send ``mail/accounts/<name>`` to somebody, or to ``to``, an address that is not (or no longer) the account's.

    Somebody without an address is told nothing. Raises what the mail backend raises; owed work tries again.
    """
    if address := to or user.email:
        send_template(f"accounts/{name}", to=address, context={"user": user, **context}, language=language_of(user.pk))
