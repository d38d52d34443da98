"""Who may do what with stock."""

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from catalog.inventory.selectors import may_see_stock, staff_may

_VERBS = {"POST": "add", "PUT": "change", "PATCH": "change", "DELETE": "delete"}


class StaffMayHandle(BasePermission):
    """Staff with Django's permission on a table, by what the method does to it."""

    model_name = ""

    def has_permission(self, request: Request, view: APIView) -> bool:
        verb = "view" if request.method in SAFE_METHODS else _VERBS[request.method or ""]
        return staff_may(request.user, f"{verb}_{self.model_name}")


class MayHandleWarehouses(StaffMayHandle):
    model_name = "warehouse"


class MaySeeMovements(StaffMayHandle):
    model_name = "stockmovement"


class MaySeeStock(BasePermission):
    """Staff who may see stock, and sellers, who see their own; writing it needs the right to change it."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.method in SAFE_METHODS:
            return may_see_stock(request.user)
        return staff_may(request.user, "change_stock")


class MayHandleCounts(StaffMayHandle):
    model_name = "stockcount"


class MayApplyCounts(BasePermission):
    """Uploading a count is one thing, writing it into the ledger another."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return staff_may(request.user, "change_stockcount")


class MaySeeAlerts(StaffMayHandle):
    model_name = "lowstockalert"
