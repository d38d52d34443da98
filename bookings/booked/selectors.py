"""Reading bookings, by audience."""

from django.db.models import Q, QuerySet

from accounts.models import User
from bookings.models import Booking
from catalog.permissions import staff_may


def bookings_visible_to(user: User) -> QuerySet[Booking]:
    """A guest's own and those of a host's listings; all for staff who may see bookings. In one statement."""
    bookings = Booking.objects.select_related("listing__product", "user").only(
        *(field.name for field in Booking._meta.concrete_fields),
        *("listing__county", "listing__town", "listing__product__product_name", "listing__product__seller_id"),
        *("user__first_name", "user__last_name"),
    )
    if staff_may(user, "view_booking", app="bookings"):
        return bookings
    return bookings.filter(Q(user=user) | Q(listing__product__seller=user))
