"""Payouts over HTTP: what finance staff see of them, and the one thing that they do."""

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import signed_in
from ecommerce.http import checked
from payments import payouts, serializers
from payments.filters import PayoutFilter
from payments.models import Payout
from payments.staff_views import MayHandle


class MayHandlePayouts(MayHandle):
    model_name = "payout"


@extend_schema_view(
    list=extend_schema(summary="List payouts", description="Newest first. `?status=review` waits for a person."),
    retrieve=extend_schema(summary="Show a payout"),
)
class PayoutViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Payout]):
    queryset = Payout.objects.all()
    serializer_class = serializers.PayoutSerializer
    permission_classes = (MayHandlePayouts,)
    filterset_class = PayoutFilter
    orderings = {"-created_at": ("-created_at", "-id"), "created_at": ("created_at", "id")}
    schema_tag = "payments"
    api_key_area = "payments"

    @extend_schema(
        summary="Say that a payout was paid by hand",
        description="For a payout in `review`: one that no provider can make, or whose fate nobody could tell.",
        request=serializers.CompletePayoutSerializer,
        responses={200: serializers.PayoutSerializer},
        examples=[OpenApiExample("Paid at the bank", value={"receipt_number": "FT26325ABC12"}, request_only=True)],
    )
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, pk: str) -> Response:
        data = checked(serializers.CompletePayoutSerializer, request)
        payout = self.get_object()
        paid = payouts.complete_by_hand(payout.pk, actor=signed_in(request), receipt_number=data["receipt_number"])
        return Response(self.get_serializer(paid).data)
