"""Who may do what with stock, beside the staff's own permissions."""

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from catalog.inventory.selectors import may_see_stock
from catalog.permissions import staff_may


class MaySeeStock(BasePermission):
    """Staff who may see stock, and sellers, who see their own; writing it needs the right to change it."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.method in SAFE_METHODS:
            return may_see_stock(request.user)
        return staff_may(request.user, "change_stock")
