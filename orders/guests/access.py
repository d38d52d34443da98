"""Finding out who asks: whose account, and which order's link."""

import hashlib

from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import User
from ecommerce import idempotency
from ecommerce.exceptions import ErrorRow
from orders.links import order_of_token
from orders.placing import Contact
from orders.selectors import Buyer

HEADER = "X-Order-Token"
SHORTEST_KEY = 16
ORDER_TOKEN_HEADER = OpenApiParameter(
    HEADER,
    location=OpenApiParameter.HEADER,
    description="Of a guest: the `order_token` that the answer to the order has, and the link in its mail.",
)


def buyer_of(request: Request) -> Buyer:
    """Return who asks. The link's token comes in a header only: addresses end up in logs and histories."""
    user = request.user if isinstance(request.user, User) else None
    return Buyer(user=user, order_id=order_of_token(request.headers.get(HEADER, "")))


class SignedInOrHolder(IsAuthenticated):
    """Let in who is signed in, or holds an order's link; which orders they reach says ``selectors.acts_for``."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) or buyer_of(request).order_id is not None


def key_owner(request: Request, contact: Contact) -> str:
    """Return whose a guest's ``Idempotency-Key`` is: a guest's address may change between two tries.

    Raises:
        IdempotencyKeyInvalid: it could be guessed. Whoever knows it gets the order's link with the answer.
    """
    key = request.headers.get(idempotency.HEADER)
    if key is not None and len(key) < SHORTEST_KEY:
        message = f"Without a log-in an Idempotency-Key has at least {SHORTEST_KEY} characters. Make it at random."
        raise idempotency.IdempotencyKeyInvalid(
            [ErrorRow(idempotency.IdempotencyKeyInvalid.code, message, idempotency.HEADER)]
        )
    reached = f"{contact.email.lower()} {contact.phone_number}"
    return f"guest:{hashlib.sha256(reached.encode()).hexdigest()}"


def key_owner_of(buyer: Buyer) -> str:
    """Return whose the ``Idempotency-Key`` of a buyer is who has an account, or an order already."""
    return f"user:{buyer.user.pk}" if buyer.user else f"order:{buyer.order_id}"
