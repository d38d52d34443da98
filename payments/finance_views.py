"""The books over HTTP: statements in, comparisons and the ledger out."""

from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from ecommerce.client import client_address
from ecommerce.exceptions import PayloadTooLarge
from ecommerce.http import checked
from ecommerce.schema import ErrorSerializer
from payments import claims, finance_filters, finance_serializers, statements
from payments.exceptions import StatementTooLarge
from payments.models import (
    LedgerAccount,
    LedgerTransaction,
    Reconciliation,
    ReconciliationDifference,
    Statement,
    StatementLine,
)
from payments.provider_views import MAX_CALLBACK
from payments.serializers import CallbackAnswerSerializer
from payments.staff_views import MayHandle

# What a multipart body may hold besides the file.
_AROUND_THE_FILE = 64 * 1024

_UPLOAD = """
A CSV of the M-PESA organisation portal, or the plain form
`receipt_number,amount,currency,time,reference,fee,payer_phone,payer_name,kind` (the first four are needed).

Either the whole file is taken, or nothing of it: `statement_line_unreadable` names the first bad lines
(`attr` is `file.<line>`, `bad_lines` says how many there are). The same file again answers 200 with the first one;
of a file that overlaps with others only the new lines are added. A worker records the lines: money that nobody has
told of is matched like any other, claims are confirmed, fees are filled in. Watch `open_line_count`.
"""


class MayHandleStatements(MayHandle):
    model_name = "statement"


class MayHandleReconciliations(MayHandle):
    model_name = "reconciliation"


class MayHandleLedger(MayHandle):
    model_name = "ledgertransaction"


@extend_schema_view(
    list=extend_schema(summary="List statements", description="Uploaded and fetched ones, newest first."),
    retrieve=extend_schema(summary="Show a statement"),
)
class StatementViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Statement]):
    serializer_class: Any = finance_serializers.StatementSerializer
    permission_classes = (MayHandleStatements,)
    parser_classes = (MultiPartParser,)
    filterset_class: Any = finance_filters.StatementFilter
    orderings = {"-created_at": ("-created_at", "-id"), "created_at": ("created_at", "id")}
    schema_tag = "payments"
    api_key_area = "payments"

    def get_queryset(self) -> QuerySet[Statement]:
        return Statement.objects.annotate(open_line_count=Count("lines", filter=Q(lines__handled_at__isnull=True)))

    @extend_schema(
        summary="Upload a provider's statement",
        description=_UPLOAD,
        request={"multipart/form-data": finance_serializers.UploadStatementSerializer},
        responses={
            200: OpenApiResponse(finance_serializers.StatementSerializer, description="The file is known."),
            201: finance_serializers.StatementSerializer,
            413: ErrorSerializer,
        },
    )
    def create(self, request: Request) -> Response:
        # By the header first: what is far too large is not even read.
        if int(request.META.get("CONTENT_LENGTH") or 0) > statements.MAX_FILE + _AROUND_THE_FILE:
            raise StatementTooLarge(statements.MOST)
        data = checked(finance_serializers.UploadStatementSerializer, request)
        file = data["file"]
        statement, is_new = statements.upload_statement(
            provider=data["provider"], name=file.name or "", raw=file.read(), actor=signed_in(request)
        )
        row = self.get_queryset().get(pk=statement.pk)
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(finance_serializers.StatementSerializer(row).data, status=code)

    @extend_schema(summary="List a statement's new lines", description="`?is_open=true` wait for a worker.")
    @action(
        detail=True,
        serializer_class=finance_serializers.StatementLineSerializer,
        filterset_class=finance_filters.StatementLineFilter,
        orderings={"at": ("at", "id"), "-at": ("-at", "-id")},
    )
    def lines(self, request: Request, pk: str) -> Response:
        statement = get_object_or_404(Statement, pk=pk)
        page = self.paginate_queryset(self.filter_queryset(StatementLine.objects.filter(statement=statement)))  # type: ignore[arg-type]
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


@extend_schema_view(
    list=extend_schema(
        summary="List comparisons of the providers' books with ours",
        description=(
            "One row for each provider, day (of the shop, Africa/Nairobi) and currency; the latest day first. "
            "`?is_clean=false` is the work list."
        ),
    ),
    retrieve=extend_schema(summary="Show a comparison", description="With the first of its differences."),
)
class ReconciliationViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Reconciliation]):
    queryset = Reconciliation.objects.all()
    permission_classes = (MayHandleReconciliations,)
    filterset_class: Any = finance_filters.ReconciliationFilter
    orderings = {"-day": ("-day", "provider", "currency"), "day": ("day", "provider", "currency")}
    schema_tag = "payments"
    api_key_area = "payments"

    def get_serializer_class(self) -> Any:
        if self.action == "differences":
            return finance_serializers.DifferenceSerializer
        if self.action == "retrieve":
            return finance_serializers.ReconciliationDetailSerializer
        return finance_serializers.ReconciliationSerializer

    @extend_schema(
        summary="List the differences of a comparison",
        description=(
            "`missing`: the provider has it, we do not. `extra`: the reverse. `differing`: the amounts are not equal."
        ),
        examples=[
            OpenApiExample(
                "Paid, and never told to us",
                value={
                    "outcome": "missing",
                    "receipt_number": "UKL4AB12CD",
                    "provider_amount": "1500.00",
                    "our_amount": None,
                    "at": "2026-11-21T07:45:31Z",
                    "kind": "Pay Bill Online",
                    "reference": "1000000017",
                    "received": None,
                    "refund": None,
                    "payout": None,
                },
                response_only=True,
            )
        ],
    )
    @action(
        detail=True,
        filterset_class=finance_filters.DifferenceFilter,
        orderings={"at": ("at", "id"), "-at": ("-at", "-id")},
    )
    def differences(self, request: Request, pk: str) -> Response:
        row = get_object_or_404(Reconciliation, pk=pk)
        found = self.filter_queryset(ReconciliationDifference.objects.filter(reconciliation=row))  # type: ignore[arg-type]
        page = self.paginate_queryset(found)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


@extend_schema_view(
    list=extend_schema(
        summary="List ledger transactions",
        description=(
            "Every movement of money, in balanced entries: debit is positive, credit negative, and each transaction "
            "sums to zero in each currency. Newest first."
        ),
    ),
    retrieve=extend_schema(summary="Show a ledger transaction"),
)
class LedgerViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[LedgerTransaction]):
    serializer_class: Any = finance_serializers.LedgerTransactionSerializer
    permission_classes = (MayHandleLedger,)
    filterset_class: Any = finance_filters.LedgerFilter
    orderings = {"-created_at": ("-created_at", "-id"), "created_at": ("created_at", "id")}
    schema_tag = "payments"
    api_key_area = "payments"

    def get_queryset(self) -> QuerySet[LedgerTransaction]:
        rows = LedgerTransaction.objects.select_related("payment__order", "received", "refund", "payout")
        return rows.prefetch_related("entries__account")

    @extend_schema(
        summary="List ledger accounts with their balances", description="What they hold: see docs/statements.md."
    )
    @action(
        detail=False,
        serializer_class=finance_serializers.LedgerAccountSerializer,
        filterset_class=finance_filters.LedgerAccountFilter,
        orderings={"account": ("code", "currency")},
    )
    def accounts(self, request: Request) -> Response:
        accounts = LedgerAccount.objects.annotate(total=Sum("entries__amount"))
        page = self.paginate_queryset(self.filter_queryset(accounts))  # type: ignore[arg-type]
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class ClaimAnswerView(APIView):
    """Where Safaricom answers what it knows of a receipt. The secret in the address is the only credential."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    schema_tag = "payments"
    timed_out = False

    @extend_schema(
        summary="Receive the answer about a claimed payment",
        description="For Safaricom. Stored as it came, answered at once, worked on by a worker.",
        request={"application/json": {"type": "object"}},
        responses={200: CallbackAnswerSerializer},
        auth=[],
    )
    def post(self, request: Request, secret: str) -> Response:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_CALLBACK:
            raise PayloadTooLarge()
        if not self.timed_out:  # a time-out in Safaricom's queue says nothing; the next question comes by itself
            claims.receive_answer(token=secret, body=request._request.body, address=client_address(request._request))
        return Response({"ResultCode": 0, "ResultDesc": "Accepted"})
