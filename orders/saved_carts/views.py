"""Saved carts over HTTP. For signed-in customers: a guest's cart is all that a guest has."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import DestroyAPIView, ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import signed_in
from ecommerce.http import checked
from ecommerce.transactions import retry_on_conflict
from orders.cart_serializers import CartSerializer
from orders.cart_views import CART_TOKEN_HEADER, CartMixin
from orders.exceptions import CartEmpty
from orders.saved_carts import selectors, services
from orders.saved_carts.models import SavedCart
from orders.saved_carts.serializers import SaveCartSerializer, SavedCartSerializer


class SaveCartView(CartMixin):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        summary="Put the cart aside",
        description="Keeps what is in the cart under a name, and empties it. A saved cart holds no stock.",
        parameters=[CART_TOKEN_HEADER],
        request=SaveCartSerializer,
        responses={201: SavedCartSerializer},
        examples=[OpenApiExample("For the office", value={"name": "Office, next month"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        name = checked(SaveCartSerializer, request)["name"]
        user = signed_in(request)
        cart = self.found(request).cart
        if cart is None:
            raise CartEmpty()
        saved = retry_on_conflict(lambda: services.save_cart(cart, user=user, name=name))
        body = SavedCartSerializer(selectors.saved_carts_of(user).get(pk=saved.pk)).data
        return Response(body, status=status.HTTP_201_CREATED)


@extend_schema_view(get=extend_schema(summary="List saved carts", description="Your own; newest first."))
class SavedCartsView(ListAPIView[SavedCart]):
    permission_classes = (IsAuthenticated,)
    serializer_class = SavedCartSerializer
    filter_backends = ()
    schema_tag = "cart"

    def get_queryset(self) -> QuerySet[SavedCart]:
        if getattr(self, "swagger_fake_view", False):
            return SavedCart.objects.none()
        return selectors.saved_carts_of(signed_in(self.request))


@extend_schema_view(delete=extend_schema(summary="Delete a saved cart"))
class SavedCartView(DestroyAPIView[SavedCart]):
    permission_classes = (IsAuthenticated,)
    serializer_class = SavedCartSerializer
    schema_tag = "cart"

    def get_queryset(self) -> QuerySet[SavedCart]:
        if getattr(self, "swagger_fake_view", False):
            return SavedCart.objects.none()
        return selectors.saved_carts_of(signed_in(self.request))


class RestoreCartView(CartMixin):
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        summary="Take a saved cart up again",
        description=(
            "Puts its lines into the present cart, where quantities add up, capped by stock and limits; `changes` "
            "tells what could not stay as it was. The saved cart is gone then."
        ),
        request=None,
        responses={200: CartSerializer},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        user = signed_in(request)
        try:
            return self.answer(retry_on_conflict(lambda: services.restore_cart(pk, user=user)))
        except SavedCart.DoesNotExist:
            raise Http404 from None
