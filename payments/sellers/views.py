"""A seller's statement over HTTP."""

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import signed_in
from orders.fulfilment.permissions import Sells
from payments.models import LedgerEntry
from payments.sellers import selectors
from payments.sellers.serializers import BalanceSerializer, StatementEntrySerializer

_EXAMPLE = OpenApiExample(
    "A sale, and a part of it that came back",
    value={
        "id": 912,
        "kind": "seller_sale",
        "amount": "-1350.00",
        "commission": "-150.00",
        "currency": "KES",
        "created_at": "2026-11-24T11:20:00Z",
    },
    response_only=True,
)


@extend_schema_view(
    get=extend_schema(
        summary="Read your statement as a seller",
        description=(
            "Every booking on your account, newest first: what you earned after `commission`, what came back, what was "
            "paid out. `balances` beside the page has what is owed and what of it is due, by currency."
        ),
        examples=[_EXAMPLE],
    )
)
class SellerStatementView(ListAPIView[LedgerEntry]):
    queryset = LedgerEntry.objects.none()
    serializer_class = StatementEntrySerializer
    permission_classes = (Sells,)
    schema_tag = "sellers"
    api_key_area = "payments"

    def get_queryset(self) -> QuerySet[LedgerEntry]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return selectors.statement_of(signed_in(self.request))

    def list(self, request: Request, *args: object, **kwargs: object) -> Response:
        response: Response = super().list(request, *args, **kwargs)
        balances = selectors.balances_of(signed_in(request))
        response.data["balances"] = BalanceSerializer(balances, many=True).data
        return response
