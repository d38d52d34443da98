"""The steps of the checkout over HTTP."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from ecommerce import idempotency
from ecommerce.http import IDEMPOTENCY_HEADER, checked
from ecommerce.throttling import GuestOrderThrottle, RequestThrottle
from orders.cart_views import CART_TOKEN_HEADER, CartMixin
from orders.carts import CartChanged
from orders.checkout import services
from orders.checkout.serializers import ConfirmSerializer, PlacedOrderSerializer
from orders.exceptions import CartEmpty
from orders.serializers import contact_from


class ConfirmView(CartMixin):
    throttle_classes = (RequestThrottle, GuestOrderThrottle)

    @extend_schema(
        summary="Order what is in the cart",
        description=(
            "Makes one order from this version of the cart, reserves its stock and empties the cart. Without an "
            "`Idempotency-Key` the cart's version is the key: sent twice, it orders once. Who is not signed in gives "
            "an `email` or a `phone_number`, and keeps the `order_token` of the answer."
        ),
        parameters=[IDEMPOTENCY_HEADER, CART_TOKEN_HEADER],
        request=ConfirmSerializer,
        responses={201: PlacedOrderSerializer},
    )
    def post(self, request: Request) -> Response:
        data = checked(ConfirmSerializer, request)
        user = request.user if isinstance(request.user, User) else None
        found = self.found(request)
        if found.cart is None:
            raise CartEmpty()
        if found.is_merged:
            raise CartChanged()
        cart, version = found.cart, data.get("version")

        def effect() -> Response:
            order = services.check_out(cart, user=user, contact=contact_from(data), version=version)
            return Response(PlacedOrderSerializer(order).data, status=status.HTTP_201_CREATED)

        return idempotency.run_once(
            request,
            owner=f"user:{user.pk}" if user else f"cart:{cart.pk}",
            operation="cart.confirm",
            effect=effect,
            default_key=f"cart-{cart.pk}-{version or cart.version}",
        )
