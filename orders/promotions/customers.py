"""By what the uses of one customer are counted."""

from uuid import UUID

from django.utils.crypto import salted_hmac


def customer_key_of(user_id: UUID | None, *, email: str = "", phone_number: str = "") -> str:
    """Return who somebody is: a user; of guests their e-mail, else their phone (E.164). Empty: nobody is known.

    A guest's key is a keyed hash: counts need no address, and outlive its erasure. What follows a ``+`` in an address
    is left out, since it reaches the same person.
    """
    if user_id is not None:
        return f"user:{user_id}"
    name, _, host = email.strip().casefold().partition("@")
    known = f"{name.partition('+')[0]}@{host}" if host else phone_number
    return f"guest:{salted_hmac('orders.promotions', known, algorithm='sha256').hexdigest()}" if known else ""
