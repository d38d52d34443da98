"""Links that open one order to whoever holds them: guests follow, pay and cancel their orders by them.

Numbers and ids of orders are no secrets; the signature (HMAC-SHA-256) is. A link ends after
``ORDER_LINK_LIFETIME``; making a new one does not end the old.
"""

from uuid import UUID

from django.conf import settings
from django.core import signing

SALT = "orders.link"


def order_token(order_id: UUID) -> str:
    """Return a token that opens this order from now on."""
    return signing.TimestampSigner(salt=SALT, sep=".").sign(order_id.hex)


def order_of_token(token: str) -> UUID | None:
    """Return the id of the order that a token opens; None if it is no token of ours, or too old."""
    try:
        value = signing.TimestampSigner(salt=SALT, sep=".").unsign(token[:200], max_age=settings.ORDER_LINK_LIFETIME)
        return UUID(hex=value)
    except (signing.BadSignature, ValueError):
        return None


def order_link(order_id: UUID) -> str:
    """Return the address at the frontend that shows the order."""
    return f"{settings.FRONTEND_URL}/track/{order_token(order_id)}"
