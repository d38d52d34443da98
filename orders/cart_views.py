"""Baskets over HTTP."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from ecommerce.forms import shared
from ecommerce.http import checked
from ecommerce.transactions import retry_on_conflict
from orders import cart_serializers, carts, selectors
from orders.checkout.shipping import is_stale, quote_again
from orders.lines import ItemInput
from orders.models import Cart, CartItem

CART_HEADER = "X-Cart-Token"
CART_COOKIE = "cart"
CART_TOKEN_HEADER = OpenApiParameter(
    CART_HEADER, location=OpenApiParameter.HEADER, description="A guest's cart; the answer to the first item gives it."
)


class CartMixin(APIView):
    """Find out whose cart a request means, and hand a guest the token to keep."""

    permission_classes: tuple[type[BasePermission], ...] = (AllowAny,)
    schema_tag = "cart"

    def owner(self, request: Request) -> carts.CartOwner:
        token = request.headers.get(CART_HEADER) or request._request.get_signed_cookie(CART_COOKIE, default="")
        user = request.user if isinstance(request.user, User) else None
        return carts.CartOwner(user=user, token=(token or "")[:100])

    def found(self, request: Request) -> carts.FoundCart:
        owner = self.owner(request)
        return retry_on_conflict(lambda: carts.find_cart(owner))

    def shown(self, found: carts.FoundCart) -> dict[str, Any]:
        """Return a cart as its owner sees it; its shipping is priced anew first if it has changed."""
        cart = found.cart
        if cart is not None and is_stale(cart):
            stale = cart
            cart = retry_on_conflict(lambda: quote_again(stale))
        items = selectors.cart_items(cart) if cart else []
        view = cart_serializers.cart_view(cart, items, found.changes)
        return dict(shared(cart_serializers.CartSerializer).to_representation(view))

    def answer(self, found: carts.FoundCart, *, status_code: int = 200) -> Response:
        response = Response(self.shown(found), status=status_code)
        if found.token:
            response[CART_HEADER] = found.token
            response.set_signed_cookie(
                CART_COOKIE,
                found.token,
                max_age=int(settings.CART_LIFETIME_GUEST.total_seconds()),
                httponly=True,
                secure=settings.PRODUCTION,
                samesite="Lax",
            )
        return response


class CartView(CartMixin):
    @extend_schema(
        summary="Show the cart", parameters=[CART_TOKEN_HEADER], responses={200: cart_serializers.CartSerializer}
    )
    def get(self, request: Request) -> Response:
        return self.answer(self.found(request))

    @extend_schema(
        summary="Empty the cart",
        description="Takes everything out, and answers with the empty cart.",
        parameters=[CART_TOKEN_HEADER],
        responses={200: cart_serializers.CartSerializer},
    )
    def delete(self, request: Request) -> Response:
        found = self.found(request)
        if found.cart is not None:
            cart = found.cart
            found = replace(found, cart=retry_on_conflict(lambda: carts.empty_cart(cart)), changes=[])
        return self.answer(found)


class CartItemsView(CartMixin):
    @extend_schema(
        summary="Put something into the cart",
        description="Adds to what is there. A guest gets the cart's token in `X-Cart-Token` and a cookie.",
        parameters=[CART_TOKEN_HEADER],
        request=cart_serializers.CartItemInputSerializer,
        responses={201: cart_serializers.CartSerializer},
    )
    def post(self, request: Request) -> Response:
        data = checked(cart_serializers.CartItemInputSerializer, request)
        owner = self.owner(request)
        found = retry_on_conflict(lambda: carts.add_item(owner, ItemInput(**data)))
        return self.answer(found, status_code=status.HTTP_201_CREATED)


class CartItemView(CartMixin):
    @extend_schema(
        summary="Change a quantity",
        description="Sets the quantity, and accepts the present price if it has changed.",
        parameters=[CART_TOKEN_HEADER],
        request=cart_serializers.CartItemChangeSerializer,
        responses={200: cart_serializers.CartSerializer},
    )
    def patch(self, request: Request, item_id: UUID) -> Response:
        quantity = checked(cart_serializers.CartItemChangeSerializer, request)["quantity"]
        return self._write(request, lambda cart: carts.change_item(cart, item_id, quantity=quantity))

    @extend_schema(
        summary="Set a quantity",
        parameters=[CART_TOKEN_HEADER],
        request=cart_serializers.CartItemChangeSerializer,
        responses={200: cart_serializers.CartSerializer},
    )
    def put(self, request: Request, item_id: UUID) -> Response:
        return self.patch(request, item_id)

    @extend_schema(
        summary="Take something out of the cart",
        parameters=[CART_TOKEN_HEADER],
        responses={200: cart_serializers.CartSerializer},
    )
    def delete(self, request: Request, item_id: UUID) -> Response:
        return self._write(request, lambda cart: carts.remove_item(cart, item_id))

    def _write(self, request: Request, write: Callable[[Cart], Cart]) -> Response:
        found = self.found(request)
        if found.cart is None:
            raise Http404
        cart = found.cart
        try:
            return self.answer(replace(found, cart=retry_on_conflict(lambda: write(cart))))
        except CartItem.DoesNotExist:
            raise Http404 from None
