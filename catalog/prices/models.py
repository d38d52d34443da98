"""Price lists, and the groups of customers that they are for."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from ecommerce.models import BaseModel


class CustomerGroup(BaseModel):
    """Customers who share prices: resellers, schools, the staff's families."""

    name = models.CharField(max_length=120, unique=True)
    description = models.CharField(max_length=500, blank=True)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="customer_groups")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class PriceList(BaseModel):
    """Prices for a group, or for everybody, during a period. What they come to is decided by ``prices.rules``."""

    name = models.CharField(max_length=120, unique=True)
    currency = models.CharField(max_length=3, default=settings.DEFAULT_CURRENCY)
    # None: everybody. PROTECT: a list that lost its group would be everybody's.
    group = models.ForeignKey(
        CustomerGroup, null=True, blank=True, on_delete=models.PROTECT, related_name="price_lists"
    )
    valid_from = models.DateTimeField(null=True, blank=True)  # None: since ever
    valid_until = models.DateTimeField(null=True, blank=True)  # the first moment at which it is over
    priority = models.SmallIntegerField(default=0)  # the highest decides, whatever the others say
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ("-priority", "name")
        constraints = [
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="price_list_currency_is_a_code"),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True) | Q(valid_until__isnull=True) | Q(valid_from__lt=F("valid_until")),
                name="price_list_begins_before_it_ends",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PriceListItem(BaseModel):
    """The price of one unit, for whoever takes so many of a variant."""

    price_list = models.ForeignKey(PriceList, on_delete=models.CASCADE, related_name="items")
    variant = models.ForeignKey("catalog.Variant", on_delete=models.CASCADE, related_name="price_list_items")
    min_quantity = models.PositiveIntegerField(default=1)
    price = models.DecimalField(max_digits=12, decimal_places=2)  # in the list's currency, tax included

    class Meta:
        default_permissions = ()  # those of its list
        ordering = ("variant_id", "min_quantity")
        constraints = [
            models.UniqueConstraint(fields=["price_list", "variant", "min_quantity"], name="price_list_item_once"),
            models.CheckConstraint(condition=Q(price__gte=0), name="price_list_item_price_not_negative"),
            models.CheckConstraint(condition=Q(min_quantity__gte=1), name="price_list_item_quantity_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.min_quantity}+ at {self.price}"
