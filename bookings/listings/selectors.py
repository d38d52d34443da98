"""Reading listings, by audience."""

from typing import Any

from django.db.models import Prefetch, QuerySet

from accounts.models import User
from bookings.models import Listing, SeasonalPrice
from catalog.editing.selectors import is_seller
from catalog.permissions import staff_may

_WIDE = ("product__search_vector", "product__attributes", "product__source_id")


def keeps_all(user: User, what: str) -> bool:
    """Tell whether ``user`` is staff who may ``add``, ``change`` or ``delete`` anybody's listings."""
    return staff_may(user, f"{what}_listing", app="bookings")


def may(user: User, what: str, listing: Listing | None = None) -> bool:
    """Tell whether ``user`` may ``add``, ``change`` or ``delete`` listings, or this one.

    Staff by the right of that name; sellers what is their own.
    """
    if keeps_all(user, what):
        return True
    return is_seller(user) and (listing is None or listing.product.seller_id == user.pk)


def shown_listings() -> QuerySet[Listing]:
    """What anyone may see, with its product, in one statement."""
    return Listing.objects.filter(is_shown=True).select_related("product").defer(*_WIDE, "product__description")


def listings_known_to(user: Any) -> QuerySet[Listing]:
    """What somebody may know of: all for staff who see listings, else what is shown and one's own.

    With seasons, in two statements.
    """
    seasons = Prefetch("seasonal_prices", queryset=SeasonalPrice.objects.order_by("dates"))
    listings = Listing.objects.select_related("product__category").defer(*_WIDE).prefetch_related(seasons)
    if staff_may(user, "view_listing", app="bookings"):
        return listings
    shown = listings.filter(is_shown=True)
    return shown | listings.filter(product__seller=user) if user.is_authenticated and is_seller(user) else shown
