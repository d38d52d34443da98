"""Which stays a listing takes, whether or not its dates are free."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from accounts.models import User
from bookings.models import LOCAL, Listing
from ecommerce.exceptions import ErrorRow

MAX_NIGHTS = 180  # of one stay
HORIZON = timedelta(days=730)  # how far ahead is let


def local_today() -> date:
    """Return the day that it is where the places are."""
    return datetime.now(LOCAL).date()


def refusals(
    listing: Listing, start: date, end: date, *, guests: int, units: int = 1, attr: str | None = None
) -> Iterator[ErrorRow]:
    """Yield why a listing does not take such a stay, each reason with its code."""
    today, nights = local_today(), (end - start).days
    if nights < 1:
        yield ErrorRow("end_before_start", "The last day comes after the first.", attr)
        return
    if start < today:
        yield ErrorRow("dates_past", "These dates are past.", attr)
    if nights > MAX_NIGHTS:
        yield ErrorRow("stay_too_long", f"A stay has {MAX_NIGHTS} nights at most.", attr)
    if end > today + HORIZON:
        yield ErrorRow("dates_too_far", f"Stays end within {HORIZON.days} days from now.", attr)
    if nights < listing.minimum_stay:
        yield ErrorRow("minimum_stay", f"A stay here has {listing.minimum_stay} nights at least.", attr)
    if not 1 <= units <= listing.capacity:
        yield ErrorRow("too_many_units", f"There are {listing.capacity} units here.", attr)
    elif guests < 1 or guests > listing.max_guests * units:
        yield ErrorRow("too_many_guests", f"There is room for 1 to {listing.max_guests * units} guests.", attr)


def is_own(listing: Listing, user: User | None) -> bool:
    """Tell whether somebody would book what they let themselves."""
    return user is not None and listing.product.seller_id == user.pk
