"""For whom gift cards are, over HTTP."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecommerce.http import checked
from ecommerce.schema import ErrorSerializer
from ecommerce.transactions import retry_on_conflict
from orders.gifts import services
from orders.gifts.exceptions import NoGiftCard
from orders.gifts.models import GiftRecipient
from orders.gifts.serializers import GiftRecipientSerializer
from orders.guests.access import ORDER_TOKEN_HEADER, SignedInOrHolder, buyer_of
from orders.models import Order
from orders.selectors import acts_for

_EXAMPLE = OpenApiExample("For a friend", value={"recipient_email": "amina@example.com", "message": "Hongera!"})


class GiftRecipientView(APIView):
    permission_classes = (SignedInOrHolder,)
    schema_tag = "gift-cards"

    @extend_schema(
        summary="Show for whom ordered gift cards are",
        parameters=[ORDER_TOKEN_HEADER],
        responses={200: GiftRecipientSerializer, 404: ErrorSerializer},
        examples=[_EXAMPLE],
    )
    def get(self, request: Request, order_id: UUID, item_id: UUID) -> Response:
        order = self._own(request, order_id)
        recipient = GiftRecipient.objects.filter(order_item=item_id, order_item__order=order).first()
        if recipient is None:
            raise NoGiftCard()
        return Response(GiftRecipientSerializer(recipient).data)

    @extend_schema(
        summary="Say for whom ordered gift cards are",
        description=(
            "Of a line of gift cards, by who has ordered it. Each unit is a card of its own; all of a line go to one "
            "address, with your message. Without this they go to the order's e-mail address. Once they were mailed it "
            "is 409 `gift_card_sent`."
        ),
        parameters=[ORDER_TOKEN_HEADER],
        request=GiftRecipientSerializer,
        responses={200: GiftRecipientSerializer, 404: ErrorSerializer},
        examples=[_EXAMPLE],
    )
    def put(self, request: Request, order_id: UUID, item_id: UUID) -> Response:
        order = self._own(request, order_id)
        told = checked(GiftRecipientSerializer, request)
        actor = buyer_of(request).user
        recipient = retry_on_conflict(lambda: services.tell_recipient(order.pk, item_id, actor=actor, **told))
        return Response(GiftRecipientSerializer(recipient).data)

    def _own(self, request: Request, order_id: UUID) -> Order:
        """Return an order of whoever asks: staff who may see it do not write to other people's friends."""
        return get_object_or_404(Order.objects.filter(acts_for(buyer_of(request))), pk=order_id)
