"""Baskets and orders over HTTP."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from accounts.models import User
from ecommerce import idempotency
from ecommerce.http import IDEMPOTENCY_HEADER, checked
from ecommerce.transactions import retry_on_conflict
from orders import carts, selectors, serializers, services
from orders.exceptions import CartEmpty
from orders.filters import OrderFilter
from orders.models import Cart, CartItem, Order

CART_HEADER = "X-Cart-Token"
CART_COOKIE = "cart"
CART_TOKEN_HEADER = OpenApiParameter(
    CART_HEADER, location=OpenApiParameter.HEADER, description="A guest's cart; the answer to the first item gives it."
)
ORDER_ORDERINGS = {
    "-created_at": ("-created_at", "-id"),
    "newest": ("-created_at", "-id"),
    "created_at": ("created_at", "id"),
    "total_amount": ("total_amount", "id"),
    "-total_amount": ("-total_amount", "-id"),
}


def contact_from(data: dict[str, Any]) -> services.Contact:
    return services.Contact(
        email=data.get("email", ""),
        phone_number=data.get("phone_number", ""),
        shipping_address=data.get("shipping_address"),
        note=data.get("note", ""),
    )


@extend_schema_view(
    list=extend_schema(
        summary="List orders", description="A customer sees their own, staff with the right see all; newest first."
    ),
    retrieve=extend_schema(summary="Show an order"),
)
class OrderViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Order]):
    queryset = Order.objects.none()
    serializer_class = serializers.OrderSerializer
    filterset_class = OrderFilter
    orderings = ORDER_ORDERINGS
    schema_tag = "orders"

    def get_queryset(self) -> QuerySet[Order]:
        if getattr(self, "swagger_fake_view", False):
            return Order.objects.none()
        return selectors.orders_visible_to(signed_in(self.request))

    @extend_schema(
        summary="Place an order",
        description=(
            "Creates a pending order and reserves its stock. The server computes every amount; prices sent by the "
            "client are ignored. Every short item has a row in the 409."
        ),
        parameters=[IDEMPOTENCY_HEADER],
        request=serializers.PlaceOrderSerializer,
        responses={201: serializers.OrderSerializer},
        examples=[
            OpenApiExample(
                "Two chargers",
                value={"items": [{"product_id": "0198c0de-0000-7000-8000-000000000001", "quantity": 2}]},
                request_only=True,
            )
        ],
    )
    def create(self, request: Request) -> Response:
        data = checked(serializers.PlaceOrderSerializer, request)
        user = signed_in(request)
        items = [services.ItemInput(**item, attr=f"items.{index}") for index, item in enumerate(data["items"])]

        def effect() -> Response:
            order = services.place_order(user=user, items=items, contact=contact_from(data))
            return self._answer(order, status.HTTP_201_CREATED)

        return idempotency.run_once(request, owner=f"user:{user.pk}", operation="orders.place", effect=effect)

    @extend_schema(
        summary="Cancel an order",
        description=(
            "Only before it is shipped, and while no payment of it is open. Its stock comes back, and what was paid "
            "goes back by itself: follow the payment's `status`."
        ),
        request=None,
        responses={200: serializers.OrderSerializer},
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        return self._cancel(request)

    @extend_schema(
        summary="Cancel an order",
        description="The same as `POST /orders/{id}/cancel/`; an order is never deleted.",
        responses={200: serializers.OrderSerializer},
    )
    def destroy(self, request: Request, pk: str) -> Response:
        return self._cancel(request)

    @extend_schema(
        summary="Show an order's timeline", filters=False, responses=serializers.OrderEventSerializer(many=True)
    )
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def events(self, request: Request, pk: str) -> Response:
        order = self.get_object()
        return Response(serializers.OrderEventSerializer(order.events.all(), many=True).data)

    def _cancel(self, request: Request) -> Response:
        order = self.get_object()
        user = signed_in(request)
        if order.user_id != user.pk and not user.has_perm("orders.change_order"):
            raise PermissionDenied()
        retry_on_conflict(lambda: services.cancel_order(order.pk, actor=user, note="cancelled by request"))
        return self._answer(order, status.HTTP_200_OK)

    def _answer(self, order: Order, status_code: int) -> Response:
        fresh = self.get_queryset().get(pk=order.pk)
        return Response(self.get_serializer(fresh).data, status=status_code)


class CartMixin(APIView):
    """Find out whose cart a request means, and hand a guest the token to keep."""

    permission_classes: tuple[type[BasePermission], ...] = (AllowAny,)
    schema_tag = "cart"

    def owner(self, request: Request) -> carts.CartOwner:
        token = request.headers.get(CART_HEADER) or request._request.get_signed_cookie(CART_COOKIE, default="")
        user = request.user if isinstance(request.user, User) else None
        return carts.CartOwner(user=user, token=(token or "")[:100])

    def answer(self, cart: Cart | None, *, token: str = "", status_code: int = 200) -> Response:
        items = list(selectors.cart_items(cart)) if cart else []
        body = serializers.CartSerializer(serializers.cart_view(cart, items)).data
        response = Response(body, status=status_code)
        if token:
            response[CART_HEADER] = token
            response.set_signed_cookie(
                CART_COOKIE,
                token,
                max_age=int(settings.CART_LIFETIME_GUEST.total_seconds()),
                httponly=True,
                secure=settings.PRODUCTION,
                samesite="Lax",
            )
        return response


class CartView(CartMixin):
    @extend_schema(summary="Show the cart", parameters=[CART_TOKEN_HEADER], responses={200: serializers.CartSerializer})
    def get(self, request: Request) -> Response:
        return self.answer(carts.find_cart(self.owner(request)))


class CartItemsView(CartMixin):
    @extend_schema(
        summary="Put something into the cart",
        description="Adds to what is there. A guest gets the cart's token in `X-Cart-Token` and a cookie.",
        parameters=[CART_TOKEN_HEADER],
        request=serializers.CartItemInputSerializer,
        responses={201: serializers.CartSerializer},
    )
    def post(self, request: Request) -> Response:
        data = checked(serializers.CartItemInputSerializer, request)
        owner = self.owner(request)
        cart, token = retry_on_conflict(lambda: carts.add_item(owner, services.ItemInput(**data)))
        return self.answer(cart, token=token, status_code=status.HTTP_201_CREATED)


class CartItemView(CartMixin):
    @extend_schema(
        summary="Change a quantity",
        description="Sets the quantity, and accepts the present price if it has changed.",
        parameters=[CART_TOKEN_HEADER],
        request=serializers.CartItemChangeSerializer,
        responses={200: serializers.CartSerializer},
    )
    def patch(self, request: Request, item_id: UUID) -> Response:
        quantity = checked(serializers.CartItemChangeSerializer, request)["quantity"]
        cart = self._cart(request)
        try:
            retry_on_conflict(lambda: carts.change_item(cart, item_id, quantity=quantity))
        except CartItem.DoesNotExist:
            raise Http404 from None
        return self.answer(cart)

    @extend_schema(
        summary="Set a quantity",
        parameters=[CART_TOKEN_HEADER],
        request=serializers.CartItemChangeSerializer,
        responses={200: serializers.CartSerializer},
    )
    def put(self, request: Request, item_id: UUID) -> Response:
        return self.patch(request, item_id)

    @extend_schema(
        summary="Take something out of the cart",
        parameters=[CART_TOKEN_HEADER],
        responses={200: serializers.CartSerializer},
    )
    def delete(self, request: Request, item_id: UUID) -> Response:
        cart = self._cart(request)
        try:
            retry_on_conflict(lambda: carts.remove_item(cart, item_id))
        except CartItem.DoesNotExist:
            raise Http404 from None
        return self.answer(cart)

    def _cart(self, request: Request) -> Cart:
        cart = carts.find_cart(self.owner(request))
        if cart is None:
            raise Http404
        return cart


class CheckoutConfirmView(CartMixin):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        summary="Order what is in the cart",
        description=(
            "Makes one order from this version of the cart, reserves its stock and empties the cart. Without an "
            "`Idempotency-Key` the cart's version is the key: sent twice, it orders once."
        ),
        parameters=[IDEMPOTENCY_HEADER, CART_TOKEN_HEADER],
        request=serializers.ContactSerializer,
        responses={201: serializers.OrderSerializer},
    )
    def post(self, request: Request) -> Response:
        data = checked(serializers.ContactSerializer, request)
        user = signed_in(request)
        cart = carts.find_cart(self.owner(request))
        if cart is None:
            raise CartEmpty()

        def effect() -> Response:
            order = carts.check_out(cart, user=user, contact=contact_from(data))
            order = selectors.orders_visible_to(user).get(pk=order.pk)
            return Response(serializers.OrderSerializer(order).data, status=status.HTTP_201_CREATED)

        return idempotency.run_once(
            request,
            owner=f"user:{user.pk}",
            operation="cart.confirm",
            effect=effect,
            default_key=f"cart-{cart.pk}-{cart.version}",
        )
