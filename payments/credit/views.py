"""Gift cards and store credit over HTTP."""

from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from accounts.models import User
from ecommerce import idempotency
from ecommerce.http import REQUIRED_IDEMPOTENCY_HEADER, checked
from ecommerce.schema import ErrorSerializer
from ecommerce.throttling import GiftCardThrottle
from ecommerce.transactions import retry_on_conflict
from payments.credit import codes, examples, issuing, selectors, spending
from payments.credit.filters import GiftCardFilter
from payments.credit.models import GiftCard
from payments.credit.serializers import (
    AdjustCreditSerializer,
    AdjustGiftCardSerializer,
    ChangeGiftCardSerializer,
    CodeSerializer,
    GiftCardBalanceSerializer,
    GiftCardDetailSerializer,
    GiftCardSerializer,
    IssuedGiftCardSerializer,
    IssueGiftCardSerializer,
    StaffStoreCreditSerializer,
    StoreCreditSerializer,
)
from payments.staff_views import MayHandle


class MayHandleGiftCards(MayHandle):
    """Making a card takes the permission to add one; everything else that is not reading, to change one."""

    model_name = "giftcard"

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        if getattr(view, "action", None) == "create":
            return bool(user.is_authenticated and user.is_staff and user.has_perm("payments.add_giftcard"))
        return super().has_permission(request, view)


class MayHandleStoreCredit(MayHandle):
    model_name = "storecredit"


@extend_schema_view(
    list=extend_schema(summary="List gift cards", description="Newest first. For staff.", examples=[examples.CARD]),
    retrieve=extend_schema(
        summary="Show a gift card",
        description="With its newest movements.",
        responses={200: GiftCardDetailSerializer},
        examples=[examples.CARD_WITH_MOVEMENTS],
    ),
)
class GiftCardViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[GiftCard]):
    queryset = GiftCard.objects.none()
    serializer_class = GiftCardSerializer
    permission_classes = (MayHandleGiftCards,)
    filterset_class = GiftCardFilter
    orderings = {
        "-created_at": ("-created_at", "-id"),
        "created_at": ("created_at", "id"),
        "-balance": ("-balance", "-id"),
        "expires_at": ("expires_at", "id"),
    }
    schema_tag = "gift-cards"

    def get_queryset(self) -> QuerySet[GiftCard]:
        cards = selectors.gift_cards()
        return cards if self.action == "list" else selectors.with_movements(cards)

    def get_serializer_class(self) -> type[GiftCardSerializer]:
        return GiftCardSerializer if self.action == "list" else GiftCardDetailSerializer

    @extend_schema(
        summary="Issue a gift card",
        description=(
            "Without a `recipient_email` the answer has the `code`, once: it is stored nowhere. With one it is mailed "
            "there, and only there. The same `Idempotency-Key` answers with the same card, and its code, for three "
            "days."
        ),
        parameters=[REQUIRED_IDEMPOTENCY_HEADER],
        request=IssueGiftCardSerializer,
        responses={201: IssuedGiftCardSerializer, 403: ErrorSerializer},
        examples=[examples.ISSUE, examples.ISSUED],
    )
    def create(self, request: Request) -> Response:
        data = checked(IssueGiftCardSerializer, request)
        actor = signed_in(request)

        def effect() -> Response:
            card = issuing.issue_gift_card(actor=actor, **data)
            return Response({"id": str(card.pk)}, status=status.HTTP_201_CREATED)

        answer = idempotency.run_once(
            request, owner=f"user:{actor.pk}", operation="gift-cards.issue", effect=effect, required=True
        )
        # Not kept with the key: the code would lie in the database in clear.
        card = selectors.gift_cards().get(pk=answer.data["id"])
        code = None if card.recipient_email else codes.grouped(codes.code_of(card.pk, card.code_hash))
        answer.data = GiftCardSerializer(card).data | {"code": code}
        return answer

    @extend_schema(
        summary="Switch a gift card on or off, or change its expiry",
        description="Its balance stays; `expires_at: null` lets it live for ever.",
        request=ChangeGiftCardSerializer,
        responses={200: GiftCardDetailSerializer, 403: ErrorSerializer, 404: ErrorSerializer},
        examples=[
            OpenApiExample("Lost", value={"is_active": False}, request_only=True),
            examples.CARD_WITH_MOVEMENTS,
        ],
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        data = checked(ChangeGiftCardSerializer, request)
        card, actor = self.get_object(), signed_in(request)
        retry_on_conflict(lambda: issuing.change_gift_card(card.pk, actor=actor, **data))
        return self._shown(card.pk)

    @extend_schema(
        summary="Put an amount on a gift card, or take it off",
        description="The shop bears it: it is booked against `goodwill`.",
        parameters=[REQUIRED_IDEMPOTENCY_HEADER],
        request=AdjustGiftCardSerializer,
        responses={200: GiftCardDetailSerializer, 403: ErrorSerializer, 404: ErrorSerializer},
        examples=[examples.ADJUST, examples.CARD_WITH_MOVEMENTS],
    )
    @action(detail=True, methods=["post"])
    def adjust(self, request: Request, pk: str) -> Response:
        data = checked(AdjustGiftCardSerializer, request)
        card, actor = self.get_object(), signed_in(request)

        def effect() -> Response:
            issuing.adjust_gift_card(card.pk, actor=actor, **data)
            return self._shown(card.pk)

        return idempotency.run_once(
            request, owner=f"user:{actor.pk}", operation="gift-cards.adjust", effect=effect, required=True
        )

    @extend_schema(
        summary="Mail a gift card's code again",
        description="To the recipient that it was issued for; a worker sends it.",
        request=None,
        responses={200: GiftCardDetailSerializer, 403: ErrorSerializer, 404: ErrorSerializer},
        examples=[examples.CARD_WITH_MOVEMENTS],
    )
    @action(detail=True, methods=["post"])
    def send(self, request: Request, pk: str) -> Response:
        card, actor = self.get_object(), signed_in(request)
        retry_on_conflict(lambda: issuing.send_again(card.pk, actor=actor))
        return self._shown(card.pk)

    def _shown(self, card_id: UUID) -> Response:
        return Response(GiftCardDetailSerializer(self.get_queryset().get(pk=card_id)).data)


class GiftCardBalanceView(APIView):
    permission_classes = (AllowAny,)
    throttle_classes = (GiftCardThrottle,)
    schema_tag = "gift-cards"

    @extend_schema(
        summary="Ask what is left on a gift card",
        description=(
            "By its code, in the body: addresses are logged. A code that is unknown, switched off or expired has one "
            "answer (404), and few tries are free."
        ),
        request=CodeSerializer,
        responses={200: GiftCardBalanceSerializer, 404: ErrorSerializer},
        examples=[examples.CODE, examples.BALANCE],
    )
    def post(self, request: Request) -> Response:
        card = spending.usable_card(checked(CodeSerializer, request)["code"])
        return Response(GiftCardBalanceSerializer(card).data)


class OwnCreditView(APIView):
    schema_tag = "gift-cards"

    @extend_schema(
        operation_id="own_credit",
        summary="Show one's store credit",
        description="A balance for each currency, with its newest movements. Pay with it by `method: store_credit`.",
        responses={200: StoreCreditSerializer(many=True)},
        examples=[examples.CREDIT],
    )
    def get(self, request: Request) -> Response:
        return Response(StoreCreditSerializer(selectors.store_credit_of(signed_in(request)), many=True).data)


class UserCreditView(APIView):
    permission_classes = (MayHandleStoreCredit,)
    schema_tag = "gift-cards"

    @extend_schema(
        summary="Show a customer's store credit",
        responses={200: StaffStoreCreditSerializer(many=True), 403: ErrorSerializer, 404: ErrorSerializer},
        examples=[examples.STAFF_CREDIT],
    )
    def get(self, request: Request, user_id: UUID) -> Response:
        return self._shown(get_object_or_404(User, pk=user_id))

    @extend_schema(
        summary="Give a customer store credit, or take it back",
        description="The shop bears it: it is booked against `goodwill`.",
        parameters=[REQUIRED_IDEMPOTENCY_HEADER],
        request=AdjustCreditSerializer,
        responses={200: StaffStoreCreditSerializer(many=True), 403: ErrorSerializer, 404: ErrorSerializer},
        examples=[examples.ADJUST, examples.STAFF_CREDIT],
    )
    def post(self, request: Request, user_id: UUID) -> Response:
        data = checked(AdjustCreditSerializer, request)
        user, actor = get_object_or_404(User, pk=user_id), signed_in(request)

        def effect() -> Response:
            issuing.adjust_store_credit(user, actor=actor, **data)
            return self._shown(user)

        return idempotency.run_once(
            request, owner=f"user:{actor.pk}", operation="store-credit.adjust", effect=effect, required=True
        )

    def _shown(self, user: User) -> Response:
        return Response(StaffStoreCreditSerializer(selectors.store_credit_of(user), many=True).data)
