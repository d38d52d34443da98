"""Promotions, the codes that open them, and who has used them."""

from decimal import Decimal
from functools import reduce
from operator import or_

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from ecommerce.models import BaseModel

# Of each kind: the numbers that it must have, and those that it may have.
NUMBERS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "percent": (frozenset({"percent"}), frozenset()),
    "amount": (frozenset({"amount"}), frozenset()),
    "buy_get": (frozenset({"buy_quantity", "get_quantity", "percent"}), frozenset({"most_times"})),
    "free_shipping": (frozenset(), frozenset({"amount"})),
}
NUMBER_FIELDS = ("percent", "amount", "buy_quantity", "get_quantity", "most_times")


def _has_numbers_of(kind: str) -> Q:
    needed, possible = NUMBERS[kind]
    fixed = {f"{name}__isnull": name not in needed for name in NUMBER_FIELDS if name not in possible}
    return Q(kind=kind, **fixed)


_BEGINS_BEFORE_IT_ENDS = Q(valid_from__isnull=True) | Q(valid_until__isnull=True) | Q(valid_from__lt=F("valid_until"))
_WITHIN_ITS_LIMIT = Q(limit_total__isnull=True) | Q(uses__lte=F("limit_total"))


class Promotion(BaseModel):
    """What it takes off, of which goods, for whom and when. What it comes to is decided by ``orders.pricing``.

    Without any category, brand, collection and product it is for all goods, without a group for everybody.
    """

    class Kind(models.TextChoices):
        PERCENT = "percent"
        AMOUNT = "amount"
        BUY_GET = "buy_get"
        FREE_SHIPPING = "free_shipping"

    name = models.CharField(max_length=120, unique=True)
    description = models.CharField(max_length=500, blank=True)  # for customers
    kind = models.CharField(max_length=13, choices=Kind.choices)
    # The numbers of its kind. The percentage of buy_get is what the given units cost less.
    percent = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(Decimal(100))],
    )
    amount = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(Decimal("0.01"))]
    )  # of free_shipping: at most; None: all of it
    buy_quantity = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    get_quantity = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    most_times = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    currency = models.CharField(max_length=3, blank=True)  # of the amounts; empty while it has none
    # What it needs of the goods that it is for, before any discount.
    minimum_amount = models.DecimalField(
        max_digits=12, decimal_places=2, default=0, validators=[MinValueValidator(Decimal(0))]
    )
    minimum_quantity = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])
    categories = models.ManyToManyField("catalog.Category", blank=True, related_name="+")  # with all below them
    brands = models.ManyToManyField("catalog.Brand", blank=True, related_name="+")
    collections = models.ManyToManyField("catalog.Collection", blank=True, related_name="+")  # by hand
    products = models.ManyToManyField("catalog.Product", blank=True, related_name="+")
    groups = models.ManyToManyField("catalog.CustomerGroup", blank=True, related_name="+")
    # Kept beside the lists: one that has lost its last brand, or group, must not become everything's, or everybody's.
    for_all_goods = models.BooleanField(default=True, editable=False)
    for_everybody = models.BooleanField(default=True, editable=False)
    valid_from = models.DateTimeField(null=True, blank=True)  # None: since ever
    valid_until = models.DateTimeField(null=True, blank=True)  # the first moment at which it is over
    is_active = models.BooleanField(default=True)
    is_automatic = models.BooleanField(default=False)  # it needs no code
    combines = models.BooleanField(default=True)  # with others that do
    priority = models.SmallIntegerField(default=0)  # the highest is taken off first
    limit_total = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    limit_per_customer = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    # Orders that have it now. Counted while there is a total limit only: else every order would wait for this row.
    uses = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ("-priority", "name")
        indexes = [models.Index(fields=["is_automatic"], name="promotion_active", condition=Q(is_active=True))]
        constraints = [
            models.CheckConstraint(
                condition=reduce(or_, map(_has_numbers_of, NUMBERS)), name="promotion_has_the_numbers_of_its_kind"
            ),
            models.CheckConstraint(condition=Q(percent__gt=0, percent__lte=100), name="promotion_percent_in_range"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="promotion_amount_positive"),
            models.CheckConstraint(
                condition=Q(buy_quantity__gte=1) & Q(get_quantity__gte=1), name="promotion_buys_and_gives"
            ),
            models.CheckConstraint(condition=Q(most_times__gte=1), name="promotion_times_positive"),
            models.CheckConstraint(
                condition=Q(minimum_amount__gte=0, minimum_quantity__gte=1), name="promotion_minimum_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(currency="", amount__isnull=True, minimum_amount=0)
                | (Q(currency__regex=r"^[A-Z]{3}$") & (Q(amount__isnull=False) | Q(minimum_amount__gt=0))),
                name="promotion_amounts_have_a_currency",
            ),
            models.CheckConstraint(condition=_BEGINS_BEFORE_IT_ENDS, name="promotion_begins_before_it_ends"),
            models.CheckConstraint(condition=_WITHIN_ITS_LIMIT, name="promotion_within_its_limit"),
            models.CheckConstraint(condition=Q(limit_total__gte=1), name="promotion_limit_positive"),
            models.CheckConstraint(condition=Q(limit_per_customer__gte=1), name="promotion_customer_limit_positive"),
        ]

    def __str__(self) -> str:
        return self.name


class Coupon(BaseModel):
    """A code that opens a promotion, with limits of its own besides the promotion's."""

    promotion = models.ForeignKey(Promotion, on_delete=models.CASCADE, related_name="coupons")
    code = models.CharField(max_length=40, unique=True)  # as codes.normalise writes it
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    limit_total = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    limit_per_customer = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    uses = models.PositiveIntegerField(default=0, editable=False)  # counted while there is a total limit only

    class Meta:
        ordering = ("code",)
        constraints = [
            models.CheckConstraint(condition=Q(code__regex=r"^[A-Z0-9][A-Z0-9_-]{2,39}$"), name="coupon_code_normal"),
            models.CheckConstraint(condition=_BEGINS_BEFORE_IT_ENDS, name="coupon_begins_before_it_ends"),
            models.CheckConstraint(condition=_WITHIN_ITS_LIMIT, name="coupon_within_its_limit"),
            models.CheckConstraint(condition=Q(limit_total__gte=1), name="coupon_limit_positive"),
            models.CheckConstraint(condition=Q(limit_per_customer__gte=1), name="coupon_customer_limit_positive"),
        ]

    def __str__(self) -> str:
        return self.code


class PromotionUsage(models.Model):
    """How many orders of a customer have a promotion now, or one of its coupons."""

    promotion = models.ForeignKey(Promotion, on_delete=models.CASCADE, related_name="usages")
    coupon = models.ForeignKey(Coupon, null=True, on_delete=models.CASCADE, related_name="usages")
    customer_key = models.CharField(max_length=80)  # as limits.customer_key_of makes it
    uses = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()  # those of the promotion
        constraints = [
            models.UniqueConstraint(
                fields=["promotion", "coupon", "customer_key"], nulls_distinct=False, name="promotion_usage_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.uses} × {self.coupon_id or self.promotion_id}"


class Redemption(BaseModel):
    """What a promotion has taken off an order. Released, its limits have been given back."""

    order = models.ForeignKey("orders.Order", on_delete=models.CASCADE, related_name="redemptions")
    promotion = models.ForeignKey(Promotion, on_delete=models.PROTECT, related_name="redemptions")
    coupon = models.ForeignKey(Coupon, null=True, blank=True, on_delete=models.PROTECT, related_name="redemptions")
    customer_key = models.CharField(max_length=80, editable=False)
    amount = models.DecimalField(max_digits=12, decimal_places=2)  # in the order's currency, off goods and shipping
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ("view",)
        ordering = ("created_at", "id")
        indexes = [
            models.Index(
                fields=["promotion", "customer_key"], name="redemption_live", condition=Q(released_at__isnull=True)
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["order", "promotion"], name="redemption_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="redemption_takes_something_off"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of {self.promotion_id}"


class CartCoupon(models.Model):
    """A code that a customer has entered for their basket."""

    cart = models.ForeignKey("orders.Cart", on_delete=models.CASCADE, related_name="entered_coupons")
    coupon = models.ForeignKey(Coupon, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=["cart", "coupon"], name="cart_coupon_once")]

    def __str__(self) -> str:
        return f"{self.coupon_id}"
