"""The steps of the checkout over HTTP."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from ecommerce import idempotency
from ecommerce.forms import shared
from ecommerce.http import IDEMPOTENCY_HEADER, checked
from ecommerce.throttling import GuestOrderThrottle, RequestThrottle
from ecommerce.transactions import retry_on_conflict
from orders import carts
from orders.cart_serializers import CartSerializer
from orders.cart_views import CART_TOKEN_HEADER, CartMixin
from orders.checkout import examples, services
from orders.checkout.saved_addresses import with_saved_address
from orders.checkout.serializers import (
    ConfirmSerializer,
    PaymentStepSerializer,
    PlacedOrderSerializer,
    ShippingStepSerializer,
)
from orders.checkout.shipping import ShippingChoice
from orders.exceptions import CartEmpty
from orders.models import Cart
from orders.selectors import was_just_ordered
from orders.shipping.serializers import QuoteSerializer


class ShippingAnswerSerializer(serializers.Serializer[Any]):
    methods = QuoteSerializer(many=True)
    cart = CartSerializer()


class CheckoutMixin(CartMixin):
    def user(self, request: Request) -> User | None:
        return request.user if isinstance(request.user, User) else None

    def cart(self, request: Request) -> Cart:
        """Return the cart that is to be ordered.

        Raises:
            CartEmpty: there is none.
            CartChanged: another one was folded into it at this moment, so nobody has seen it; tells what changed.
        """
        found = self.found(request)
        if found.cart is None:
            raise CartEmpty()
        if found.is_merged:
            raise carts.CartChanged(changes=self.shown(found)["changes"])
        return found.cart


class ShippingStepView(CheckoutMixin):
    @extend_schema(
        summary="Say where the cart goes, and how",
        description=(
            "The first step. Remembers address and contact, and answers with the `methods` that bring this cart there "
            "and what each asks. Sent again with a `method_id` (for pick-up with a `pickup_point_id`) it chooses one: "
            "the cart's totals have the shipping in them then. What is not sent stays as it was told before. "
            "Customers may send the `address_id` of an address of their book (`GET /api/users/addresses/`) instead."
        ),
        parameters=[CART_TOKEN_HEADER],
        request=ShippingStepSerializer,
        responses={200: ShippingAnswerSerializer},
        examples=examples.SHIPPING,
    )
    def post(self, request: Request) -> Response:
        data = checked(ShippingStepSerializer, request)
        cart, user = self.cart(request), self.user(request)
        choice = ShippingChoice(data.pop("method_id", None), data.pop("pickup_point_id", None))
        told = with_saved_address(data, user)
        step = retry_on_conflict(lambda: services.tell_shipping(cart, user=user, told=told, choice=choice))
        shown = self.shown(carts.FoundCart(step.cart))
        return Response({"methods": QuoteSerializer(step.quotes, many=True).data, "cart": shown})


class PaymentStepView(CheckoutMixin):
    @extend_schema(
        summary="Say how the cart will be paid",
        description=(
            "The second step. Refuses what the shop does not offer, and cash at the door above the limit of the "
            "chosen delivery. The payment itself is started for the order, at `POST /api/payments/`."
        ),
        parameters=[CART_TOKEN_HEADER],
        request=PaymentStepSerializer,
        responses={200: CartSerializer},
        examples=examples.PAYMENT,
    )
    def post(self, request: Request) -> Response:
        method = checked(PaymentStepSerializer, request)["payment_method"]
        cart = self.cart(request)
        cart = retry_on_conflict(lambda: services.choose_payment(cart, payment_method=method))
        return self.answer(carts.FoundCart(cart))


class ConfirmView(CheckoutMixin):
    throttle_classes = (RequestThrottle, GuestOrderThrottle)

    @extend_schema(
        summary="Order what is in the cart",
        description=(
            "The last step. Makes one order from this version of the cart, reserves its stock and empties the cart. "
            "Without an `Idempotency-Key` the cart's version is the key: sent twice, it orders once, and is answered "
            "twice while the order waits for its money. A price or a "
            "shipping charge that is not the one that was shown is a 409; the shipping step, or changing the line, "
            "accepts the new one. So is a total other than `expected_total`, such as when a promotion has just ended: "
            "`total_amount` in the answer is what it would cost. Who is not signed in gives an `email` or a "
            "`phone_number`, here or before, and keeps the `order_token` of the answer."
        ),
        parameters=[IDEMPOTENCY_HEADER, CART_TOKEN_HEADER],
        request=ConfirmSerializer,
        responses={201: PlacedOrderSerializer},
        examples=examples.CONFIRM,
    )
    def post(self, request: Request) -> Response:
        data = checked(ConfirmSerializer, request)
        cart, user, version = self.cart(request), self.user(request), data.pop("version", None)
        expected = data.pop("expected_total", None)

        def effect() -> Response:
            told = with_saved_address(data, user)
            order = services.check_out(cart, user=user, told=told, version=version, expected_total=expected)
            return Response(shared(PlacedOrderSerializer).to_representation(order), status=status.HTTP_201_CREATED)

        def once(of_version: int) -> Response:
            return idempotency.run_once(
                request,
                owner=f"user:{user.pk}" if user else f"cart:{cart.pk}",
                operation="cart.confirm",
                effect=effect,
                default_key=f"cart-{cart.pk}-{of_version}",
            )

        try:
            return once(version or cart.version)
        except CartEmpty as empty:
            # A twin that came when the first had emptied the cart: it means the version before, and not this one.
            if version is not None or not was_just_ordered(cart):
                raise
            try:
                return once(cart.version - 1)
            except idempotency.IdempotencyKeyReused:  # it asks for something else; nobody has sent this key
                raise empty from None
