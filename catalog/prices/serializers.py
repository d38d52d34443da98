"""The form of requests and answers about price lists, and of a reader's own prices beside a product."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.fields import SkipField

from catalog.prices.models import CustomerGroup, PriceList, PriceListItem
from catalog.prices.rules import price_breaks, unit_price
from catalog.prices.selectors import lowest_price, offers_of
from catalog.prices.services import MAX_ITEMS
from ecommerce.currencies import ISO_4217

PERSONAL = "personal_prices"  # in a serializer's context: the reader belongs to a group, so prices are their own
MAX_QUANTITY = 1_000_000
MAX_MEMBERS = 1000  # that one request takes in
_PRICE: dict[str, Any] = {"max_digits": 12, "decimal_places": 2, "min_value": Decimal(0)}


class CustomerGroupSerializer(serializers.ModelSerializer[CustomerGroup]):
    member_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = CustomerGroup
        fields = ("id", "name", "description", "member_count", "created_at", "updated_at")
        read_only_fields = ("id", "member_count", "created_at", "updated_at")


class MemberSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.EmailField(allow_null=True)
    first_name = serializers.CharField()
    last_name = serializers.CharField()


class AddMembersSerializer(serializers.Serializer[Any]):
    users = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=MAX_MEMBERS, help_text="Ids of users."
    )


class PriceListSerializer(serializers.ModelSerializer[PriceList]):
    group_name = serializers.CharField(source="group.name", read_only=True, allow_null=True, default=None)
    item_count = serializers.IntegerField(read_only=True)
    priority = serializers.IntegerField(min_value=-1000, max_value=1000, default=0)

    class Meta:
        model = PriceList
        fields = (
            "id",
            "name",
            "currency",
            "group",
            "group_name",
            "valid_from",
            "valid_until",
            "priority",
            "is_active",
            "item_count",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("id", "group_name", "item_count", "created_at", "updated_at")
        extra_kwargs = {
            "group": {"help_text": "Whom it is for; null: everybody."},
            "valid_from": {"help_text": "Null: since ever."},
            "valid_until": {"help_text": "The first moment at which it is over; null: for ever."},
        }

    def validate_currency(self, code: str) -> str:
        if code not in ISO_4217:
            raise ValidationError("Give an ISO 4217 code, such as KES.")
        return code


class PriceListItemSerializer(serializers.ModelSerializer[PriceListItem]):
    sku = serializers.CharField(source="variant.sku")
    product_name = serializers.CharField(source="variant.product.product_name")
    product = serializers.UUIDField(source="variant.product_id")

    class Meta:
        model = PriceListItem
        fields = ("id", "variant", "sku", "product", "product_name", "min_quantity", "price")
        read_only_fields = fields


class ItemInputSerializer(serializers.Serializer[Any]):
    variant = serializers.UUIDField(required=False, help_text="The variant's id; or its `sku`.")
    sku = serializers.CharField(required=False, max_length=64)
    min_quantity = serializers.IntegerField(min_value=1, max_value=MAX_QUANTITY, default=1)
    price = serializers.DecimalField(**_PRICE, help_text="Of one unit, in the list's currency.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("variant" in attrs) == ("sku" in attrs):
            raise ValidationError({"variant": ["Name the variant by its id or by its sku."]}, code="required")
        return attrs


class SetItemsSerializer(serializers.Serializer[Any]):
    items = ItemInputSerializer(many=True, max_length=MAX_ITEMS)  # type: ignore[call-arg]


# --- Beside a product -----------------------------------------------------------------------------------------


class PriceBreakSerializer(serializers.Serializer[Any]):
    min_quantity = serializers.IntegerField()
    price = serializers.DecimalField(max_digits=12, decimal_places=2)


class YourPriceField(serializers.CharField):
    """What one unit costs the reader; absent, unless they belong to a group of customers."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, read_only=True, **kwargs)

    def get_attribute(self, instance: Any) -> str:
        if not self.context.get(PERSONAL):
            raise SkipField()
        return str(self.price_of(instance))

    def price_of(self, row: Any) -> Decimal:
        return unit_price(row.price, offers_of(row), 1)


class YourProductPriceField(YourPriceField):
    """The lowest of its variants' prices for the reader."""

    def price_of(self, row: Any) -> Decimal:
        return lowest_price(row.price, row.offers)


@extend_schema_field(PriceBreakSerializer(many=True))
class PriceBreaksField(serializers.ReadOnlyField):
    """Where the price of one unit changes with the quantity, by the lists that are for everybody or the reader."""

    def get_attribute(self, instance: Any) -> Any:
        return price_breaks(instance.price, offers_of(instance))

    def to_representation(self, value: Any) -> Any:
        return [{"min_quantity": each.min_quantity, "price": str(each.price)} for each in value]
