"""Who asks about a return: a customer, a guest with the token of one order, or staff."""

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import User
from orders.links import order_of_token
from orders.returns.selectors import handles_returns, refunds_returns

TOKEN = "X-Order-Token"  # noqa: S105 - the header's name
ORDER_TOKEN_HEADER = OpenApiParameter(
    TOKEN,
    location=OpenApiParameter.HEADER,
    description="Of a guest, instead of signing in: the token of the link in the mail about their order.",
)


def user_of(request: Request) -> User | None:
    return request.user if isinstance(request.user, User) else None


def token_order(request: Request) -> UUID | None:
    """Return the order that a guest's token opens; who is signed in needs none."""
    return None if user_of(request) else order_of_token(request.headers.get(TOKEN, ""))


class CustomerGuestOrStaff(BasePermission):
    """Whoever is signed in, or a guest whose token opens an order; ``staff_actions`` of the view need the right.

    Giving money back is another right than handling goods: who takes a parcel in does not pay for it as well.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        action = getattr(view, "action", None)
        if action == "refund":
            return refunds_returns(user_of(request))
        if action in getattr(view, "staff_actions", ()):
            return handles_returns(user_of(request))
        return user_of(request) is not None or token_order(request) is not None
