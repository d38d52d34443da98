"""Reading sellers."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.sellers.models import PayoutDestination, SellerProfile

Status = SellerProfile.Status
# Whose orders go on: a suspended seller still ships what was sold.
SELLING = (Status.APPROVED, Status.SUSPENDED)


def sellers() -> QuerySet[SellerProfile]:
    """All of them for staff, those who wait longest last, in one statement."""
    return SellerProfile.objects.select_related("user", "decided_by").order_by("-applied_at", "-id")


def waiting() -> QuerySet[SellerProfile]:
    """Applications that nobody has decided about."""
    return SellerProfile.objects.filter(status=Status.APPLIED)


def open_storefronts() -> QuerySet[SellerProfile]:
    """Those whose page anybody may see."""
    return SellerProfile.objects.filter(status=Status.APPROVED, user__is_active=True)


def profile_of(user: User) -> SellerProfile | None:
    return SellerProfile.objects.select_related("user__payout_destination").filter(user=user).first()


def has_orders_to_run(user: User) -> bool:
    """Tell whether somebody sells here, or did until they were suspended."""
    return user.role == User.Role.SELLER or SellerProfile.objects.filter(user=user, status__in=SELLING).exists()


def destination_of(seller_id: UUID, *, at: datetime | None = None) -> PayoutDestination | None:
    """Return where a seller can be paid now; None while it is held, or nobody has said."""
    found = PayoutDestination.objects.filter(user=seller_id).first()
    if found is None or (found.held_until is not None and found.held_until > (at or timezone.now())):
        return None
    return found
