"""Places to let, their calendars, and the stays that are booked in them.

A listing is a product of the kind ``rental`` with where it is and on which terms it is let; what it is called and costs
stands with the product. Dates are to it what stock is to a variant. Ranges of dates are half open: the night before the
day of the end is the last one.
"""

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateRangeField, RangeOperators
from django.contrib.postgres.indexes import GinIndex, GistIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper

from catalog.models import Product
from ecommerce.models import BaseModel

LOCAL = ZoneInfo("Africa/Nairobi")  # where the places are: their days begin and end by this clock

_WHOLE = Q(dates__isempty=False, dates__lower_inf=False, dates__upper_inf=False)


class Amenity(models.TextChoices):
    """What a place has; guests search by it."""

    WIFI = "wifi", "Wi-Fi"
    KITCHEN = "kitchen", "Kitchen"
    PARKING = "parking", "Parking"
    POOL = "pool", "Swimming pool"
    HOT_WATER = "hot_water", "Hot water"
    AIR_CONDITIONING = "air_conditioning", "Air conditioning"
    FAN = "fan", "Fan"
    TV = "tv", "Television"
    WASHING_MACHINE = "washing_machine", "Washing machine"
    WORKSPACE = "workspace", "Place to work"
    BREAKFAST = "breakfast", "Breakfast"
    BACKUP_POWER = "backup_power", "Generator or inverter"
    WATER_TANK = "water_tank", "Borehole or water tank"
    GUARD = "guard", "Guard at night"
    GARDEN = "garden", "Garden"
    BALCONY = "balcony", "Balcony"
    FIREPLACE = "fireplace", "Fireplace"
    GYM = "gym", "Gym"
    BEACHFRONT = "beachfront", "At the beach"
    MOSQUITO_NETS = "mosquito_nets", "Mosquito nets"
    COT = "cot", "Cot"
    STEP_FREE = "step_free", "Without steps"
    PETS = "pets", "Pets are welcome"


class CancellationPolicy(models.TextChoices):
    """How much a guest gets back who cancels; ``bookings.policies`` computes it."""

    FLEXIBLE = "flexible"
    MODERATE = "moderate"
    STRICT = "strict"


class Listing(models.Model):
    """A place to let. It has the id of its product.

    ``price`` and ``is_shown`` are the product's, kept here by triggers: searches and holds read this narrow row alone,
    and a hold that has locked it has them as they are now.
    """

    product = models.OneToOneField(Product, primary_key=True, on_delete=models.CASCADE, related_name="listing")
    price = models.DecimalField(max_digits=12, decimal_places=2, default=0, editable=False)  # of a night
    is_shown = models.BooleanField(default=False, editable=False)
    county = models.CharField(max_length=60)  # the official name
    town = models.CharField(max_length=80)
    latitude = models.FloatField()  # degrees, WGS 84
    longitude = models.FloatField()
    max_guests = models.PositiveSmallIntegerField()  # in one unit
    amenities = ArrayField(models.CharField(max_length=20, choices=Amenity.choices), default=list, blank=True)
    house_rules = models.TextField(blank=True)
    check_in = models.TimeField(default=time(14))  # from when on guests may come, by the clock of the place
    check_out = models.TimeField(default=time(10))
    cancellation_policy = models.CharField(
        max_length=10, choices=CancellationPolicy.choices, default=CancellationPolicy.MODERATE
    )
    minimum_stay = models.PositiveSmallIntegerField(default=1)  # nights
    capacity = models.PositiveSmallIntegerField(default=1)  # units alike that are let side by side: rooms, tents
    calendar_version = models.PositiveIntegerField(default=1, editable=False)  # a higher one ends the secret address
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(max_guests__gte=1, minimum_stay__gte=1, capacity__gte=1), name="listing_takes_somebody"
            ),
            models.CheckConstraint(
                condition=Q(latitude__range=(-90, 90), longitude__range=(-180, 180)), name="listing_is_on_earth"
            ),
        ]
        indexes = [
            models.Index(F("county"), Upper("town"), name="listing_place", condition=Q(is_shown=True)),
            models.Index(Upper("town"), name="listing_town", condition=Q(is_shown=True)),
            models.Index(fields=["latitude", "longitude"], name="listing_spot", condition=Q(is_shown=True)),
            models.Index(fields=["price", "product"], name="listing_by_price", condition=Q(is_shown=True)),
            GinIndex(fields=["amenities"], name="listing_amenities", condition=Q(is_shown=True)),
        ]

    def __str__(self) -> str:
        return self.product.product_name


class SeasonalPrice(BaseModel):
    """What a night costs in some days of the year; other nights cost the listing's price."""

    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="seasonal_prices")
    dates = DateRangeField()
    price = models.DecimalField(max_digits=12, decimal_places=2)  # in the product's currency

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=_WHOLE, name="season_begins_and_ends"),
            models.CheckConstraint(condition=Q(price__gt=0), name="season_price_positive"),
            ExclusionConstraint(
                name="season_once_a_night",
                expressions=[("listing", RangeOperators.EQUAL), ("dates", RangeOperators.OVERLAPS)],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dates.lower}–{self.dates.upper}: {self.price}"


class BlockedDates(BaseModel):
    """Nights in which the host lets nothing, or fewer units."""

    class Source(models.TextChoices):
        MANUAL = "manual"
        ICAL = "ical"  # an uploaded calendar; the next upload replaces it

    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="blocked_dates")
    dates = DateRangeField()
    units = models.PositiveSmallIntegerField(null=True, blank=True)  # null: all, however many there are
    source = models.CharField(max_length=6, choices=Source.choices, default=Source.MANUAL)
    note = models.CharField(max_length=200, blank=True)  # the host's own

    class Meta:
        default_permissions = ()
        verbose_name_plural = "blocked dates"
        constraints = [
            models.CheckConstraint(condition=_WHOLE, name="blocked_begins_and_ends"),
            models.CheckConstraint(condition=Q(units__isnull=True) | Q(units__gte=1), name="blocked_units_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.dates.lower}–{self.dates.upper}"


class Booking(BaseModel):
    """A stay that somebody has booked, or that is held for them while they pay. ``bookings.services`` writes it."""

    class Status(models.TextChoices):
        PENDING = "pending"  # held until ``expires_at``
        CONFIRMED = "confirmed"
        CANCELLED = "cancelled"
        COMPLETED = "completed"

    class EndedBy(models.TextChoices):
        NOBODY = ""
        TIME = "time"  # the hold was over
        ORDER = "order"  # its order ended before it was paid
        GUEST = "guest"
        HOST = "host"
        STAFF = "staff"

    TRANSITIONS: dict[str, set[str]] = {
        Status.PENDING: {Status.CONFIRMED, Status.CANCELLED},
        Status.CONFIRMED: {Status.CANCELLED, Status.COMPLETED},
        Status.CANCELLED: set(),
        Status.COMPLETED: set(),
    }
    ACTIVE = (Status.PENDING, Status.CONFIRMED)  # these occupy their dates

    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="bookings", db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="bookings", db_index=False
    )  # null: booked without an account
    dates = DateRangeField()
    guests = models.PositiveSmallIntegerField()
    units = models.PositiveSmallIntegerField(default=1)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    expires_at = models.DateTimeField(null=True)  # of a hold
    order_item_id = models.UUIDField(unique=True)  # no foreign key: orders import bookings, not the reverse
    # As they were when it was made: a later change of the listing does not touch this stay.
    nights = models.JSONField()  # [{"date": "2026-12-24", "price": "5500.00"}], of one unit
    total = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3)
    cancellation_policy = models.CharField(max_length=10, choices=CancellationPolicy.choices)
    check_in = models.TimeField()
    check_out = models.TimeField()
    confirmed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)  # cancelled or completed
    ended_by = models.CharField(max_length=5, choices=EndedBy.choices, blank=True)  # who cancelled
    ended_by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    refund_amount = models.DecimalField(max_digits=12, decimal_places=2, null=True)  # what the policy gave back

    class Meta:
        default_permissions = ("view", "change")
        constraints = [
            models.CheckConstraint(condition=_WHOLE, name="booking_begins_and_ends"),
            models.CheckConstraint(condition=Q(guests__gte=1, units__gte=1), name="booking_is_for_somebody"),
            models.CheckConstraint(condition=Q(total__gte=0), name="booking_total_not_negative"),
            models.CheckConstraint(
                condition=Q(refund_amount__isnull=True) | Q(refund_amount__gte=0, refund_amount__lte=F("total")),
                name="booking_refund_within_total",
            ),
            models.CheckConstraint(
                condition=~Q(status="pending") | Q(expires_at__isnull=False), name="booking_hold_has_an_end"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at", "id"], name="booking_by_guest"),
            models.Index(fields=["listing", "-created_at", "id"], name="booking_by_listing"),
            models.Index(fields=["expires_at"], name="booking_holds", condition=Q(status="pending")),
            models.Index(F("dates__endswith"), name="booking_stays_by_end", condition=Q(status="confirmed")),
        ]

    def __str__(self) -> str:
        return f"{self.start_date}–{self.end_date}, {self.status}"

    @property
    def start_date(self) -> date:
        return _day(self.dates.lower)

    @property
    def end_date(self) -> date:
        """Return the day of leaving; the night before it is the last one."""
        return _day(self.dates.upper)

    @property
    def begins_at(self) -> datetime:
        """Return when its guests may come: the moment from which refunds count back."""
        return datetime.combine(self.start_date, self.check_in, LOCAL)


class Occupancy(models.Model):
    """Dates of a listing that somebody has: a booking, or its host. ``bookings.calendars`` alone writes it.

    Of a listing with one unit no two rows share a night: the constraint sees to it. Of one with more units ``Night``
    counts. Rows go when their nights are past.
    """

    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="occupancies", db_index=False)
    dates = DateRangeField()
    units = models.PositiveSmallIntegerField()
    is_exclusive = models.BooleanField()  # the listing has one unit
    booking = models.OneToOneField(Booking, null=True, on_delete=models.CASCADE, related_name="occupancy")
    blocked = models.OneToOneField(BlockedDates, null=True, on_delete=models.CASCADE, related_name="occupancy")

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=_WHOLE, name="occupancy_begins_and_ends"),
            models.CheckConstraint(
                condition=Q(booking__isnull=True, blocked__isnull=False)
                | Q(booking__isnull=False, blocked__isnull=True),
                name="occupancy_is_somebodys",
            ),
            models.CheckConstraint(condition=Q(units__gte=1), name="occupancy_units_positive"),
            ExclusionConstraint(
                name="occupancy_once_a_night",
                expressions=[("listing", RangeOperators.EQUAL), ("dates", RangeOperators.OVERLAPS)],
                condition=Q(is_exclusive=True),
            ),
        ]
        indexes = [
            models.Index(fields=["listing"], name="occupancy_by_listing"),
            GistIndex(fields=["dates"], name="occupancy_by_dates", condition=Q(is_exclusive=True)),
        ]

    def __str__(self) -> str:
        return f"{self.dates.lower}–{self.dates.upper}"


class Night(models.Model):
    """How many units of a listing that has several are taken in one night. ``bookings.calendars`` alone writes it."""

    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="nights", db_index=False)
    date = models.DateField()
    capacity = models.PositiveSmallIntegerField()  # the listing's
    taken = models.PositiveSmallIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["listing", "date"], name="night_once"),
            models.CheckConstraint(condition=Q(taken__lte=F("capacity")), name="night_not_overbooked"),
        ]
        indexes = [models.Index(fields=["date", "listing"], include=["capacity", "taken"], name="night_by_date")]

    def __str__(self) -> str:
        return f"{self.date}: {self.taken} of {self.capacity}"


def _day(bound: Any) -> date:
    """Return a bound of a range of days, which a constraint lets be nothing else."""
    if not isinstance(bound, date):
        raise TypeError(f"{bound!r} is no day")
    return bound
