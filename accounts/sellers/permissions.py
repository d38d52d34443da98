"""Who may look at sellers, and decide about them."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.people.permissions import may_look


class MaySeeSellers(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return may_look(request.user, "view_sellerprofile")


class MayDecide(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return may_look(request.user, "change_sellerprofile")
