"""What can go wrong with listings and bookings."""

from ecommerce.exceptions import DomainError


class DatesTaken(DomainError):
    """Somebody has some of these nights, or the host lets none; a row for each stay."""

    code = "dates_taken"
    message = "These dates are taken."


class ListingUnavailable(DomainError):
    status_code = 400
    code = "listing_unavailable"
    message = "This listing is unknown or not to let."


class StayRefused(DomainError):
    """The stay is not such as the listing takes; a row for each reason, with a code of its own (``bookings.rules``)."""

    status_code = 400
    code = "stay_refused"
    message = "This listing does not take such a stay."


class BookingGone(DomainError):
    """The hold is over, or the booking was cancelled: its dates may be somebody else's."""

    code = "booking_gone"
    message = "This booking does not hold its dates any more."


class InvalidBookingTransition(DomainError):
    """``extra`` has the ``allowed`` states."""

    code = "invalid_transition"
    message = "This booking cannot go there from where it is."


class CapacityTooSmall(DomainError):
    code = "capacity_too_small"
    message = "More units than that are booked or blocked in some nights."


class BlockRefused(DomainError):
    status_code = 400
    code = "block_refused"
    message = "These dates cannot be blocked."


class SeasonsOverlap(DomainError):
    status_code = 400
    code = "seasons_overlap"
    message = "A night can have one seasonal price only."


class CalendarRefused(DomainError):
    """The uploaded file is no calendar that the shop can read."""

    status_code = 400
    code = "calendar_refused"
    message = "This file cannot be read as a calendar (iCalendar, .ics)."
