"""Who may write what staff keep over HTTP: staff, each by the permissions of the model."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

_RIGHTS = {"create": ("add",), "destroy": ("delete",)}  # of an action; every other write is a change


def staff_may(user: Any, *permissions: str, app: str = "catalog") -> bool:
    """Tell whether somebody is staff with all of these permissions of an app, such as ``view_stock``."""
    if not (user.is_authenticated and user.is_staff):
        return False
    return all(user.has_perm(f"{app}.{permission}") for permission in permissions)


class StaffByPermission(BasePermission):
    """Staff with Django's permissions for the view's model; ``public_reads`` of the view lets anyone look.

    ``action_permissions`` of a view names what an action of its own asks for: ``{"merge": ("change", "delete")}``. What
    hangs below a row (its prices, its members) is changed by who may change the row.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.method in SAFE_METHODS and getattr(view, "public_reads", False):
            return True
        action = getattr(view, "action", None) or ""
        own: dict[str, tuple[str, ...]] = getattr(view, "action_permissions", {})
        rights = ("view",) if request.method in SAFE_METHODS else own.get(action) or _RIGHTS.get(action, ("change",))
        model = getattr(view, "permission_model", None) or view.queryset.model  # type: ignore[attr-defined]
        meta = model._meta
        return staff_may(request.user, *(f"{right}_{meta.model_name}" for right in rights), app=meta.app_label)
