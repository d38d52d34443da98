"""Sellers over HTTP: everybody may apply, sellers keep their own profile, staff decide."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from accounts.freshness import demand_fresh_log_in
from accounts.models import User
from accounts.sellers import selectors, services
from accounts.sellers.filters import SellerFilter
from accounts.sellers.models import SellerProfile
from accounts.sellers.permissions import MayDecide, MaySeeSellers
from accounts.sellers.serializers import (
    ApplyToSellSerializer,
    ApproveSellerSerializer,
    ChangeSellerSerializer,
    OwnSellerSerializer,
    RefuseSellerSerializer,
    SellerSerializer,
)
from ecommerce.http import checked
from ecommerce.transactions import retry_on_conflict

Status = SellerProfile.Status
_OWN: dict[str, Any] = {
    "display_name": "Mama Njeri Electronics",
    "url_key": "mama-njeri-electronics",
    "about": "Phones and chargers from Luthuli Avenue since 2009.",
    "county": "Nairobi",
    "contact_email": "njeri@example.com",
    "contact_phone": "+254712345678",
    "status": "applied",
    "reason": "",
    "applied_at": "2026-11-22T08:10:00Z",
    "decided_at": None,
    "payout": {
        "method": "mpesa",
        "ends_with": "678",
        "bank_code": "",
        "held_until": None,
        "updated_at": "2026-11-22T08:10:00Z",
    },
}
_ASKED = {name: _OWN[name] for name in ("display_name", "about", "county", "contact_email", "contact_phone")}
_APPLY = OpenApiExample(
    "With M-Pesa", value=_ASKED | {"payout": {"method": "mpesa", "phone_number": "0712 345 678"}}, request_only=True
)
_SHOWN = OpenApiExample("A seller", value=_OWN, response_only=True)
_REASON = OpenApiExample("A reason", value={"reason": "The phones that you sold were not new."}, request_only=True)
_ORDERINGS = {
    "-applied_at": ("-applied_at", "-id"),
    "newest": ("-applied_at", "-id"),
    "applied_at": ("applied_at", "id"),
}


def _shown(user: User) -> dict[str, Any]:
    return dict(OwnSellerSerializer(selectors.profile_of(user)).data)


@extend_schema_view(
    get=extend_schema(
        summary="List sellers and applications",
        description="For staff who may see them. `?status=applied` waits for a decision.",
    )
)
class SellersView(ListAPIView[SellerProfile]):
    serializer_class = SellerSerializer
    filterset_class = SellerFilter
    orderings = _ORDERINGS
    schema_tag = "sellers"

    def get_permissions(self) -> list[BasePermission]:
        return [IsAuthenticated()] if self.request.method == "POST" else [MaySeeSellers()]

    def get_queryset(self) -> QuerySet[SellerProfile]:
        return selectors.sellers()

    @extend_schema(
        summary="Apply to sell",
        description=(
            "With a confirmed e-mail address or phone number. The name is what customers see; its address (`url_key`) "
            "is made of it and stays. Who was rejected may apply again; otherwise a second application is a 409 "
            "`already_applied`."
        ),
        request=ApplyToSellSerializer,
        responses={201: OwnSellerSerializer},
        examples=[_APPLY, _SHOWN],
    )
    def post(self, request: Request) -> Response:
        told, user = checked(ApplyToSellSerializer, request), signed_in(request)
        payout = told.pop("payout", None)
        retry_on_conflict(
            lambda: services.apply_to_sell(user, told=told, payout=payout, request=request._request),
        )
        return Response(_shown(user), status=status.HTTP_201_CREATED)


class OwnSellerView(APIView):
    permission_classes = (IsAuthenticated,)
    schema_tag = "sellers"

    @extend_schema(
        summary="Show your seller's profile",
        description="404 if you have never applied.",
        responses={200: OwnSellerSerializer},
        examples=[_SHOWN],
    )
    def get(self, request: Request) -> Response:
        user = signed_in(request)
        if selectors.profile_of(user) is None:
            raise Http404
        return Response(_shown(user))

    @extend_schema(
        summary="Change your seller's profile",
        description=(
            "What is not sent stays. `payout` says where you are paid: it takes a fresh log-in "
            "(`fresh_log_in_required`), you get a mail, and nothing is paid there until `held_until`."
        ),
        request=ChangeSellerSerializer,
        responses={200: OwnSellerSerializer},
        examples=[
            OpenApiExample("Another text", value={"about": "Repairs, too."}, request_only=True),
            OpenApiExample(
                "A bank account",
                value={
                    "payout": {
                        "method": "bank",
                        "bank_code": "68",
                        "account_number": "0123456789012",
                        "account_name": "Njeri Kamau",
                    }
                },
                request_only=True,
            ),
            _SHOWN,
        ],
    )
    def patch(self, request: Request) -> Response:
        told, user = checked(ChangeSellerSerializer, request), signed_in(request)
        payout = told.pop("payout", None)
        if payout is not None:
            demand_fresh_log_in(request)
        retry_on_conflict(
            lambda: services.change_profile(user, told=told, payout=payout, request=request._request),
        )
        return Response(_shown(user))


class _DecisionView(APIView):
    """One decision of staff about a seller, who is named by the address of their page."""

    permission_classes = (MayDecide,)
    schema_tag = "sellers"
    target: SellerProfile.Status
    form: type[ApproveSellerSerializer | RefuseSellerSerializer] = RefuseSellerSerializer

    def post(self, request: Request, key: str) -> Response:
        demand_fresh_log_in(request)
        reason = checked(self.form, request).get("reason", "")
        found = get_object_or_404(SellerProfile.objects.only("user_id"), url_key=key)
        actor = signed_in(request)
        decided = retry_on_conflict(
            lambda: services.decide(found.user_id, self.target, actor=actor, reason=reason, request=request._request),
        )
        return Response(SellerSerializer(selectors.sellers().get(pk=decided.pk)).data)


_TAKES = "Takes a fresh log-in. They are told by mail, and what they have open ends. "


@extend_schema_view(
    post=extend_schema(
        summary="Approve or reinstate a seller",
        description=_TAKES + "The role `seller` is theirs; products that were hidden with them are for sale again.",
        request=ApproveSellerSerializer,
        responses={200: SellerSerializer},
        examples=[OpenApiExample("Approve", value={}, request_only=True)],
    )
)
class ApproveView(_DecisionView):
    target = Status.APPROVED
    form = ApproveSellerSerializer


@extend_schema_view(
    post=extend_schema(
        summary="Reject an application",
        description=_TAKES,
        request=RefuseSellerSerializer,
        responses={200: SellerSerializer},
        examples=[_REASON],
    )
)
class RejectView(_DecisionView):
    target = Status.REJECTED


@extend_schema_view(
    post=extend_schema(
        summary="Suspend a seller",
        description=_TAKES + "Their products leave the shop window at once; orders go on, and they still ship them.",
        request=RefuseSellerSerializer,
        responses={200: SellerSerializer},
        examples=[_REASON],
    )
)
class SuspendView(_DecisionView):
    target = Status.SUSPENDED
