"""Commission, and what was sold for a seller."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from catalog.models import Category
from ecommerce.models import BaseModel
from orders.models import OrderItem


class CommissionRate(BaseModel):
    """What the shop keeps of a seller's sales, or of those in a category and all below it."""

    seller = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="commission_rate"
    )
    category = models.OneToOneField(
        Category, null=True, blank=True, on_delete=models.CASCADE, related_name="commission_rate"
    )
    basis_points = models.PositiveIntegerField(help_text="Hundredths of a per cent: 1250 is 12.5 %.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(seller__isnull=True, category__isnull=False)
                | Q(seller__isnull=False, category__isnull=True),
                name="commission_of_one_thing",
                violation_error_message="Name a seller or a category, not both.",
            ),
            models.CheckConstraint(condition=Q(basis_points__lte=10_000), name="commission_at_most_all"),
        ]

    def __str__(self) -> str:
        return f"{self.seller or self.category}: {self.basis_points}"


class SellerSale(BaseModel):
    """A delivered line of a seller's product: whose it was and at which commission is frozen with the first booking.

    Amounts are in ``currency``, as they are now: what came back is off. The ledger has every change of them.
    """

    order_item = models.OneToOneField(OrderItem, on_delete=models.PROTECT, related_name="seller_sale")
    seller = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="sales")
    basis_points = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    units = models.PositiveIntegerField(default=0)
    gross = models.DecimalField(max_digits=12, decimal_places=2, default=0)  # what the customer paid for the units
    commission = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    due_at = models.DateTimeField()  # before, it is not paid out
    bookings = models.PositiveIntegerField(default=0)  # how often it is in the ledger

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=Q(commission__gte=0, gross__gte=F("commission")), name="seller_sale_commission_within"
            ),
        ]
        indexes = [models.Index(fields=["seller", "due_at"], name="seller_sale_by_seller")]

    def __str__(self) -> str:
        return f"{self.units} of {self.order_item_id}"
