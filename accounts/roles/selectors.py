"""Who has which rights, and who may give them."""

from typing import Any

from accounts.models import User
from accounts.roles.definitions import StaffRole

SELLER = "seller"
ROLE_NAMES = [SELLER, *StaffRole.values]
_BY_GROUP = {role.label: role.value for role in StaffRole}


def may_grant(user: Any) -> bool:
    """Tell whether somebody may give roles: admins may."""
    return isinstance(user, User) and user.is_active and user.is_staff and user.is_admin


def roles_of(user: User) -> list[str]:
    """Return the names of somebody's roles, sorted."""
    names = user.groups.values_list("name", flat=True)
    roles = {_BY_GROUP[name] for name in names if name in _BY_GROUP}
    return sorted(roles | ({SELLER} if user.role == User.Role.SELLER else set()))


def own_groups_of(user: User) -> list[str]:
    """Return the groups of somebody that are the shop's own, sorted."""
    return sorted(user.groups.exclude(name__in=StaffRole.labels).values_list("name", flat=True))


def rights_of(user: User) -> dict[str, Any]:
    """Return everything that says what somebody may do, to be compared and kept in the trail."""
    return {
        "role": user.role,
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
        "groups": sorted(user.groups.values_list("pk", flat=True)),
    }
