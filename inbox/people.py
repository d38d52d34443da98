"""Who is told because of what they may do."""

from django.contrib.auth.models import Permission
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import User


def staff_who_may(permission: str) -> QuerySet[User]:
    """Return the active staff who have a permission such as ``catalog.view_lowstockalert``."""
    app, codename = permission.split(".")
    permissions = Permission.objects.filter(codename=codename, content_type__app_label=app)
    may = (
        Q(is_superuser=True)
        | Exists(permissions.filter(user=OuterRef("pk")))
        | Exists(permissions.filter(group__user=OuterRef("pk")))
    )
    return User.objects.filter(may, is_active=True, is_staff=True).order_by("pk")
