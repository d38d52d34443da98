"""Roles over HTTP, for admins."""

from uuid import UUID

from django.contrib.auth.models import Permission
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from accounts.freshness import demand_fresh_log_in
from accounts.models import User
from accounts.roles import selectors, services
from accounts.roles.definitions import StaffRole
from accounts.roles.serializers import RoleSerializer, RolesSerializer, UserRolesSerializer
from ecommerce.http import checked

_CLERK = OpenApiExample(
    "A clerk",
    value={
        "id": "01990c6e-6d0c-7d44-b2b5-63a1e9f0c0aa",
        "roles": ["order_clerk"],
        "own_groups": [],
        "is_staff": True,
        "is_superuser": False,
        "is_active": True,
    },
    response_only=True,
)


class MayGrant(BasePermission):
    """Admins of the staff."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return selectors.may_grant(request.user)


class RolesView(APIView):
    permission_classes = (MayGrant,)
    schema_tag = "accounts"

    @extend_schema(
        summary="List the roles of staff",
        description="With the permissions that each has in this release.",
        operation_id="users_roles_list",
        responses={200: RoleSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        granted = Permission.objects.filter(group__name__in=StaffRole.labels).order_by(
            "content_type__app_label", "codename"
        )
        rows = list(granted.values_list("group__name", "content_type__app_label", "codename"))
        answer = [
            {
                "role": role.value,
                "name": role.label,
                "permissions": [f"{app}.{codename}" for group, app, codename in rows if group == role.label],
            }
            for role in StaffRole
        ]
        return Response(RoleSerializer(answer, many=True).data)


class UserRolesView(APIView):
    permission_classes = (MayGrant,)
    schema_tag = "accounts"

    @extend_schema(summary="Show somebody's roles", responses={200: UserRolesSerializer}, examples=[_CLERK])
    def get(self, request: Request, user_id: UUID) -> Response:
        return Response(UserRolesSerializer(get_object_or_404(User, pk=user_id)).data)

    @extend_schema(
        summary="Give somebody roles",
        description=(
            "Exactly these; none makes a customer of them. Takes a fresh log-in (`fresh_log_in_required`). Everything "
            "that they have open ends at once, so that they come back with the new rights."
        ),
        request=RolesSerializer,
        responses={200: UserRolesSerializer},
        examples=[
            OpenApiExample("A clerk of finance too", value={"roles": ["order_clerk", "finance"]}, request_only=True),
            _CLERK,
        ],
    )
    def put(self, request: Request, user_id: UUID) -> Response:
        demand_fresh_log_in(request)
        data = checked(RolesSerializer, request)
        user = services.set_roles(user_id, data["roles"], actor=signed_in(request), request=request._request)
        return Response(UserRolesSerializer(user).data)
