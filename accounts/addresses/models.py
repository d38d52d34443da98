"""Where a customer has things brought and bills sent."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from ecommerce.geography.counties import KENYA
from ecommerce.models import BaseModel

# What an order keeps of an address; the rest of the row is the customer's own housekeeping.
PLACE_FIELDS = (
    "recipient",
    "phone_number",
    "county",
    "sub_county",
    "town",
    "estate",
    "landmark",
    "line1",
    "line2",
    "rider_note",
    "country",
    "postal_code",
)


class Address(BaseModel):
    """One of a customer's addresses; at most one is the default for shipping, and one for billing."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="addresses")
    label = models.CharField(max_length=60, blank=True)  # "Home", as the customer calls it
    recipient = models.CharField(max_length=120, blank=True)
    phone_number = models.CharField(max_length=16, blank=True)  # E.164
    county = models.CharField(max_length=60, blank=True)  # in Kenya the official name
    sub_county = models.CharField(max_length=60, blank=True)
    town = models.CharField(max_length=80, blank=True)
    estate = models.CharField(max_length=80, blank=True)
    landmark = models.CharField(max_length=120, blank=True)
    line1 = models.CharField(max_length=120, blank=True)
    line2 = models.CharField(max_length=120, blank=True)
    rider_note = models.CharField(max_length=200, blank=True)
    country = models.CharField(max_length=2, default=KENYA)  # ISO 3166-1
    postal_code = models.CharField(max_length=16, blank=True)
    is_default_shipping = models.BooleanField(default=False)
    is_default_billing = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "addresses"
        ordering = ("-is_default_shipping", "-created_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(is_default_shipping=True), name="address_one_default_for_shipping"
            ),
            models.UniqueConstraint(
                fields=["user"], condition=Q(is_default_billing=True), name="address_one_default_for_billing"
            ),
            models.CheckConstraint(condition=Q(country__regex=r"^[A-Z]{2}$"), name="address_country_is_a_code"),
            models.CheckConstraint(condition=~Q(country=KENYA) | ~Q(county=""), name="address_in_kenya_has_a_county"),
        ]

    def __str__(self) -> str:
        return self.label or str(self.pk)

    @property
    def place(self) -> dict[str, Any]:
        """Return the address as an order keeps it: without what was left empty."""
        return {name: value for name in PLACE_FIELDS if (value := getattr(self, name))}
