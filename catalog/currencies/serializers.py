"""The form of requests and answers about currencies."""

import re
from decimal import Decimal
from typing import Any

from rest_framework import serializers
from rest_framework.fields import SkipField

from catalog.currencies.conversion import ShownIn
from catalog.currencies.rates import RATE_PLACES
from catalog.models import ExchangeRate, Product, Variant

SHOWN_IN = "shown_in"  # in a serializer's context: the ShownIn of a request that asked for a currency

_RATE = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,10})?")


class RateField(serializers.DecimalField):
    """A rate as a decimal string, without zeros at its end."""

    default_error_messages = {
        "invalid": 'Give a decimal string such as "129.50", with at most ten places.',
        "not_positive": "A rate is more than zero.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=20, decimal_places=RATE_PLACES, normalize_output=True, **kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str) or not _RATE.fullmatch(data):
            self.fail("invalid")
        rate = Decimal(data)
        if not rate:
            self.fail("not_positive")
        return rate


class CurrencySerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="ISO 4217.")
    name = serializers.CharField()
    symbol = serializers.CharField()
    exponent = serializers.IntegerField(help_text="Decimal places of the currency: 2 for cents.")
    rate = RateField(help_text="Units of the base currency for one unit of this one; 1 for the base.")
    rate_from = serializers.DateTimeField(allow_null=True, help_text="Since when; null for the base.")
    stale = serializers.BooleanField(help_text="The rate is too old to charge by.")
    is_base = serializers.BooleanField()


class ExchangeRateSerializer(serializers.ModelSerializer[ExchangeRate]):
    rate = RateField(read_only=True, help_text="Units of `base` for one unit of `currency`.")

    class Meta:
        model = ExchangeRate
        fields = ("id", "base", "currency", "rate", "valid_from", "source", "created_at")
        read_only_fields = fields


class SetRateSerializer(serializers.Serializer[Any]):
    rate = RateField(help_text="Units of the base currency for one unit of this one.")
    valid_from = serializers.DateTimeField(required=False, help_text="Without it, now. May lie in the future.")
    source = serializers.CharField(  # type: ignore[assignment]  # a field, not the attribute of Field
        required=False, allow_blank=True, max_length=120, help_text="Whose rate it is."
    )


# --- Prices in the currency that a reader has chosen ----------------------------------------------------------


class _OnlyWhenAsked(serializers.CharField):
    """Absent, unless the request asked for a currency."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def get_attribute(self, instance: Product | Variant) -> str | None:
        shown_in: ShownIn | None = self.context.get(SHOWN_IN)
        if shown_in is None:
            raise SkipField()
        return self.told(instance, shown_in)

    def told(self, row: Product | Variant, shown_in: ShownIn) -> str | None:
        raise NotImplementedError


class DisplayCurrencyField(_OnlyWhenAsked):
    """The currency of the display prices."""

    def told(self, row: Product | Variant, shown_in: ShownIn) -> str | None:
        return shown_in.currency


class DisplayPriceField(_OnlyWhenAsked):
    """A price in the display currency; null where there is none, or no rate for it."""

    def __init__(self, price_field: str = "price", **kwargs: Any) -> None:
        self.price_field = price_field
        super().__init__(allow_null=True, **kwargs)

    def told(self, row: Product | Variant, shown_in: ShownIn) -> str | None:
        price: Decimal | None = getattr(row, self.price_field)
        # A variant's product is at hand: it was read together with it.
        currency = row.currency if isinstance(row, Product) else row.product.currency
        return None if price is None else shown_in.price(price, currency)
