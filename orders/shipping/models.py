"""Where the shop delivers, by which methods, for how much, and where customers collect."""

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from catalog.tax_kinds import TaxKind
from ecommerce.geography.counties import KENYA
from ecommerce.models import BaseModel

_MONEY: dict[str, Any] = {"max_digits": 12, "decimal_places": 2}


class ShippingZone(BaseModel):
    """A part of the world with shipping methods of its own: sub-counties, counties, a country, or all the rest.

    Of several that hold a place ``selectors.zone_of`` picks one: the most specific, then the one of highest priority.
    """

    name = models.CharField(max_length=120, unique=True)
    country = models.CharField(max_length=2, blank=True, default=KENYA)  # ISO 3166-1; blank: everywhere
    # Official names, as in ``geography``. Neither: the whole country.
    counties = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    sub_counties = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    priority = models.SmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ("-priority", "name")
        constraints = [
            models.CheckConstraint(
                condition=Q(country__regex=r"^([A-Z]{2})?$"), name="shipping_zone_country_is_a_code"
            ),
            models.CheckConstraint(
                condition=Q(country=KENYA) | Q(counties=[], sub_counties=[]), name="shipping_zone_counties_are_kenyan"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ShippingMethod(BaseModel):
    """A way to bring parcels into a zone, or to its pick-up points; what it costs stands in its weight bands."""

    class Kind(models.TextChoices):
        DELIVERY = "delivery"
        PICKUP = "pickup"

    zone = models.ForeignKey(ShippingZone, on_delete=models.CASCADE, related_name="methods")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.DELIVERY)
    currency = models.CharField(max_length=3, default=settings.DEFAULT_CURRENCY)  # of all its amounts
    days_min = models.PositiveSmallIntegerField(default=1)  # days from the order to the door; 0: the same day
    days_max = models.PositiveSmallIntegerField(default=3)
    # None: above the last band it is not offered.
    price_per_further_kg = models.DecimalField(**_MONEY, null=True, blank=True)
    free_from = models.DecimalField(**_MONEY, null=True, blank=True)  # worth of the goods; None: never
    max_weight_grams = models.PositiveIntegerField(null=True, blank=True)
    # Up to which total one may pay at the door; None: whatever the total is, 0: not at all.
    pay_at_door_limit = models.DecimalField(**_MONEY, null=True, blank=True, default=0)
    tax_kind = models.CharField(max_length=10, choices=TaxKind.choices, default=TaxKind.STANDARD)
    position = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ("position", "name", "id")
        constraints = [
            models.UniqueConstraint(fields=["zone", "name"], name="shipping_method_once_per_zone"),
            models.CheckConstraint(
                condition=Q(currency__regex=r"^[A-Z]{3}$"), name="shipping_method_currency_is_a_code"
            ),
            models.CheckConstraint(condition=Q(days_min__lte=F("days_max")), name="shipping_method_days_in_order"),
            models.CheckConstraint(
                condition=Q(price_per_further_kg__isnull=True) | Q(price_per_further_kg__gte=0),
                name="shipping_method_further_kg_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(free_from__isnull=True) | Q(free_from__gte=0), name="shipping_method_free_from_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(pay_at_door_limit__isnull=True) | Q(pay_at_door_limit__gte=0),
                name="shipping_method_door_limit_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class WeightBand(BaseModel):
    """What a parcel of up to so many grams costs."""

    method = models.ForeignKey(ShippingMethod, on_delete=models.CASCADE, related_name="bands")
    up_to_grams = models.PositiveIntegerField()
    price = models.DecimalField(**_MONEY)  # in the method's currency; with tax if the shop's prices are

    class Meta:
        default_permissions = ()  # those of its method
        ordering = ("up_to_grams",)
        constraints = [
            models.UniqueConstraint(fields=["method", "up_to_grams"], name="weight_band_once"),
            models.CheckConstraint(condition=Q(up_to_grams__gte=1), name="weight_band_weighs_something"),
            models.CheckConstraint(condition=Q(price__gte=0), name="weight_band_price_not_negative"),
        ]

    def __str__(self) -> str:
        return f"up to {self.up_to_grams} g: {self.price}"


class PickupPoint(BaseModel):
    """A place in Kenya where customers collect their parcels."""

    name = models.CharField(max_length=120, unique=True)
    county = models.CharField(max_length=60)  # official name
    sub_county = models.CharField(max_length=60, blank=True)
    town = models.CharField(max_length=80)
    landmark = models.CharField(max_length=120, blank=True)
    line1 = models.CharField(max_length=120, blank=True)
    phone_number = models.CharField(max_length=16, blank=True)  # E.164
    opening_hours = models.CharField(max_length=200, blank=True)
    latitude = models.DecimalField(max_digits=8, decimal_places=6, null=True, blank=True)
    longitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    methods = models.ManyToManyField(ShippingMethod, blank=True, related_name="pickup_points")
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ("county", "town", "name")
        constraints = [
            models.CheckConstraint(
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(
                    latitude__isnull=False,
                    longitude__isnull=False,
                    latitude__range=(-90, 90),
                    longitude__range=(-180, 180),
                ),
                name="pickup_point_on_earth",
            ),
        ]

    def __str__(self) -> str:
        return self.name
