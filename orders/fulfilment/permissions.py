"""Who may do what with parcels: staff, by what they may do with the order; sellers with what is theirs."""

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import User
from accounts.sellers.selectors import has_orders_to_run


class MayHandleOrders(BasePermission):
    """Staff who may see orders look; those who may change them write."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        right = "orders.view_order" if request.method in SAFE_METHODS else "orders.change_order"
        return bool(user.is_authenticated and user.is_staff and user.has_perm(right))


class MayShip(MayHandleOrders):
    """The same, and whoever sells: a suspended seller ships what was sold. What is theirs, a selector says."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if super().has_permission(request, view):
            return True
        return request.method not in SAFE_METHODS and sells(request)


class Sells(BasePermission):
    """Sellers, those who are suspended included."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return sells(request)


def sells(request: Request) -> bool:
    return isinstance(request.user, User) and has_orders_to_run(request.user)
