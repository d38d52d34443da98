"""What bookings hold about people: who stayed where. The stay goes with its order's books; who it was does not."""

from accounts.models import User
from accounts.privacy import registry
from accounts.privacy.generic import erase_tables, export_tables
from accounts.privacy.identity import Identity
from accounts.privacy.tables import Table, declare
from bookings.models import Booking
from ecommerce.exceptions import ErrorRow

_MOST_NAMED = 20  # open matters in one answer

TABLES = (
    Table("bookings.Booking", owner="user", plain="nights currency"),
    # The host's own words; hosts are sellers, who cannot go before what they sell is deleted.
    Table("bookings.Listing", owner="product__seller", scrubbed="house_rules", plain="county town amenities"),
    Table("bookings.BlockedDates", owner="listing__product__seller", scrubbed="note"),
)


def register() -> None:
    """Let accounts know of it. Called when the app starts."""
    declare(*TABLES)
    registry.register("bookings", export_tables("bookings"), erase, open_matters=open_matters)


def erase(identity: Identity) -> None:
    erase_tables("bookings", identity)


def open_matters(user: User) -> list[ErrorRow]:
    """Return a row for each stay that is still to come, as a guest or as a host."""
    active = Booking.objects.filter(status__in=Booking.ACTIVE)
    own = active.filter(user=user).order_by("pk")[:_MOST_NAMED]
    let = active.filter(listing__product__seller=user).exclude(user=user).order_by("pk")[:_MOST_NAMED]
    return [
        *(ErrorRow("booking_open", f"Your stay from {each.start_date} is {each.status}.") for each in own),
        *(ErrorRow("booking_open", f"Guests come to you on {each.start_date}.") for each in let),
    ]
