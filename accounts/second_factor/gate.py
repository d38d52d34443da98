"""Staff without a second factor, where the shop demands one: they get in to set it up, and nowhere else."""

from typing import Any

from django.conf import settings

from accounts.models import User
from accounts.second_factor.exceptions import SecondFactorSetupRequired


def must_have_factor(user: User) -> bool:
    """Tell whether the shop demands a second factor of ``user``."""
    powerful = user.is_staff or user.is_superuser or user.role == User.Role.ADMIN
    return bool(settings.STAFF_SECOND_FACTOR_REQUIRED and powerful)


def lacks_factor(user: User) -> bool:
    return must_have_factor(user) and user.second_factor_at is None


def admit(user: User, request: Any) -> None:
    """Let a request of ``user`` pass, whichever way it was signed in; every authentication class asks.

    A view that such staff need says ``open_without_factor = True``.

    Raises:
        SecondFactorSetupRequired: the shop demands a second factor of them, and there is none.
    """
    if not lacks_factor(user):
        return
    view = (getattr(request, "parser_context", None) or {}).get("view")
    if not getattr(view, "open_without_factor", False):
        raise SecondFactorSetupRequired()
