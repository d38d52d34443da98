"""Who may look at people, and at the trail."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import User


def may_look(user: Any, permission: str) -> bool:
    """Tell whether somebody is staff with a permission of accounts; administrators have all of them."""
    if not (isinstance(user, User) and user.is_staff):
        return False
    return user.is_admin or user.has_perm(f"accounts.{permission}")


class MaySeePeople(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return may_look(request.user, "view_user")


class MaySeeTrail(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return may_look(request.user, "view_securityevent")
