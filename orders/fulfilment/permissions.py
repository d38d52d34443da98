"""Who may do what with parcels: staff, by what they may do with the order."""

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView


class MayHandleOrders(BasePermission):
    """Staff who may see orders look; those who may change them write."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        right = "orders.view_order" if request.method in SAFE_METHODS else "orders.change_order"
        return bool(user.is_authenticated and user.is_staff and user.has_perm(right))
