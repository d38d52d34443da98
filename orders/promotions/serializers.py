"""The form of requests and answers about promotions and coupons."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from catalog.curation.models import Collection
from catalog.models import Brand, Category, Product
from catalog.prices.models import CustomerGroup
from ecommerce.currencies import ISO_4217
from orders.promotions.codes import LONGEST
from orders.promotions.models import NUMBER_FIELDS, Coupon, Promotion
from orders.promotions.services import MAX_CODES

MAX_TARGETS = 500  # of each list
_PERIOD = {
    "valid_from": {"help_text": "Null: since ever."},
    "valid_until": {"help_text": "The first moment at which it is over; null: for ever."},
}
_LIMITS = {
    "limit_total": {"help_text": "Orders that may have it; null: any number."},
    "limit_per_customer": {"help_text": "Orders of one customer that may have it; null: any number."},
}


@extend_schema_field({"type": "array", "items": {"type": "string", "format": "uuid"}, "maxItems": MAX_TARGETS})
class RowsField(serializers.ListField):
    """Rows by their ids, read in one statement however many they are."""

    child = serializers.UUIDField()

    def __init__(self, rows: Any, **kwargs: Any) -> None:
        self.rows = rows
        super().__init__(required=False, max_length=MAX_TARGETS, **kwargs)

    def to_internal_value(self, data: Any) -> list[Any]:
        ids = list(dict.fromkeys(super().to_internal_value(data)))
        found = self.rows.in_bulk(ids)
        if unknown := [str(each) for each in ids if each not in found]:
            raise ValidationError(f"There is no {unknown[0]}.", code="does_not_exist")
        return [found[each] for each in ids]

    def to_representation(self, value: Any) -> list[str]:
        return [str(row.pk) for row in value.all()]


class PromotionSerializer(serializers.ModelSerializer[Promotion]):
    categories = RowsField(Category.objects.only("pk"), help_text="With all that is below them.")
    brands = RowsField(Brand.objects.only("pk"))
    collections = RowsField(Collection.objects.only("pk", "kind"), help_text="Those by hand.")
    products = RowsField(
        Product.objects.filter(deleted_at__isnull=True).only("pk"), help_text="Without any of the lists: all goods."
    )
    groups = RowsField(CustomerGroup.objects.only("pk"), help_text="Whom it is for; none: everybody.")
    priority = serializers.IntegerField(min_value=-1000, max_value=1000, default=0)
    uses = serializers.IntegerField(source="live_uses", read_only=True, help_text="Orders that have it now.")
    discount_total = serializers.DecimalField(
        max_digits=14,
        decimal_places=2,
        read_only=True,
        help_text="What it takes off these orders, in the shop's currency; others are not in it.",
    )
    coupon_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Promotion
        fields = (
            "id",
            "name",
            "description",
            "kind",
            *NUMBER_FIELDS,
            "currency",
            "minimum_amount",
            "minimum_quantity",
            "categories",
            "brands",
            "collections",
            "products",
            "groups",
            "valid_from",
            "valid_until",
            "is_active",
            "is_automatic",
            "combines",
            "priority",
            "limit_total",
            "limit_per_customer",
            "uses",
            "discount_total",
            "coupon_count",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("id", "created_at", "updated_at")
        extra_kwargs = {
            **_PERIOD,
            **_LIMITS,
            "description": {"help_text": "For customers."},
            "percent": {"help_text": "Of `percent`; of `buy_get`: how much less the given units cost (100)."},
            "amount": {"help_text": "Of `amount`; of `free_shipping`: at most, null for all of it."},
            "most_times": {"help_text": "Of `buy_get`: in one order."},
            "is_automatic": {"help_text": "It needs no code."},
            "combines": {"help_text": "With others that do; else it is taken alone, if that is more."},
        }

    def validate_currency(self, code: str) -> str:
        if code and code not in ISO_4217:
            raise ValidationError("Give an ISO 4217 code, such as KES.")
        return code


class CouponSerializer(serializers.ModelSerializer[Coupon]):
    promotion_name = serializers.CharField(source="promotion.name", read_only=True)
    code = serializers.CharField(max_length=4 * LONGEST, help_text="Case and spaces do not matter.")
    uses = serializers.IntegerField(source="live_uses", read_only=True, help_text="Orders that have it now.")

    class Meta:
        model = Coupon
        fields = (
            "id",
            "promotion",
            "promotion_name",
            "code",
            "valid_from",
            "valid_until",
            "is_active",
            "limit_total",
            "limit_per_customer",
            "uses",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("id", "created_at", "updated_at")
        extra_kwargs = {**_PERIOD, **_LIMITS, "promotion": {"help_text": "Stays what it is."}}

    def validate_promotion(self, promotion: Promotion) -> Promotion:
        if self.instance is not None and self.instance.promotion_id != promotion.pk:
            raise ValidationError("It stays with its promotion.", code="promotion_fixed")
        return promotion


class GenerateCouponsSerializer(serializers.Serializer[Any]):
    promotion = serializers.PrimaryKeyRelatedField(queryset=Promotion.objects.all())
    count = serializers.IntegerField(min_value=1, max_value=MAX_CODES)
    prefix = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")
    valid_from = serializers.DateTimeField(required=False, allow_null=True, default=None)
    valid_until = serializers.DateTimeField(required=False, allow_null=True, default=None)
    limit_total = serializers.IntegerField(
        min_value=1, max_value=2_147_483_647, allow_null=True, default=1, help_text="Of each; null: any number."
    )


class GeneratedCouponsSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    codes = serializers.ListField(child=serializers.CharField())


class EnteredCodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=100, help_text="Case and spaces do not matter.")
