"""Who may write the catalogue: staff, each by the permissions of the model."""

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

_VERBS = {"POST": ("add",), "PUT": ("change",), "PATCH": ("change",), "DELETE": ("delete",)}


class StaffMayWrite(BasePermission):
    """Anyone reads; staff write what ``add_…``, ``change_…`` and ``delete_…`` of the view's model allow them.

    ``action_permissions`` of a view names what an action of its own asks for: ``{"merge": ("change", "delete")}``.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.method in SAFE_METHODS:
            return True
        verbs = getattr(view, "action_permissions", {}).get(
            getattr(view, "action", None), _VERBS.get(request.method or "")
        )
        user, meta = request.user, view.queryset.model._meta  # type: ignore[attr-defined]
        if not verbs or not (user.is_authenticated and user.is_staff):
            return False
        return all(user.has_perm(f"{meta.app_label}.{verb}_{meta.model_name}") for verb in verbs)
