"""What somebody wants, as lines of sellable variants with their prices and stock."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db.models import Q, QuerySet, TextField, UUIDField

from catalog.exceptions import InsufficientStock, ProductUnavailable, VariantRequired
from catalog.models import Product, Stock, Variant
from catalog.prices.rules import Offer, unit_price
from catalog.prices.selectors import offers_in, with_offers
from catalog.tax_kinds import TaxKind
from ecommerce.exceptions import DomainError, ErrorRow
from ecommerce.prepared import AnyOf, Parameter, Prepared, ids
from orders.exceptions import PriceChanged
from orders.promotions.selectors import with_promotions


@dataclass(frozen=True)
class ItemInput:
    """A line that somebody wants. ``attr`` is where it stood in the request, for the error that names it."""

    quantity: int
    product_id: UUID | None = None
    variant_id: UUID | None = None
    attr: str = ""


@dataclass(frozen=True)
class Sellable:
    """A variant that is for sale, as it is now."""

    variant_id: UUID
    product_id: UUID
    sku: str
    options: dict[str, Any]
    own_price: Decimal
    weight_grams: int | None
    product_name: str
    currency: str
    kind: str
    tax_kind: TaxKind
    available: int
    offers: list[Offer]
    promotions: list[dict[str, Any]] | None  # for ``promotions.selectors.promotions_in``
    backorder_limit: int = 0
    available_from: date | None = None

    @property
    def keeps_stock(self) -> bool:
        return self.kind == Product.Kind.PHYSICAL

    @property
    def sellable(self) -> int:
        """How many units can be ordered now, those that come later too."""
        return max(self.available + self.backorder_limit, 0)


@dataclass(frozen=True)
class WantedLine:
    """So many units of a variant, at what one costs this customer in this quantity."""

    variant: Sellable
    quantity: int
    attr: str = ""
    price: Decimal = field(init=False)

    def __post_init__(self) -> None:
        price = unit_price(self.variant.own_price, self.variant.offers, self.quantity)
        object.__setattr__(self, "price", price)

    @property
    def lies_here(self) -> bool:
        return self.quantity <= self.variant.available or not self.variant.keeps_stock

    @property
    def awaited(self) -> int:
        """How many of the units come later."""
        return max(self.quantity - max(self.variant.available, 0), 0) if self.variant.keeps_stock else 0


_COLUMNS = (
    *("pk", "product_id", "sku", "options", "price", "weight_grams", "product__product_name", "product__currency"),
    *("product__kind", "product__tax_kind", "stock_level__available", "offers", "promotions"),
    *("stock_level__backorder_limit", "stock_level__available_from"),
)


_USER = Parameter("user", UUIDField())
_CODES = Parameter("codes", ArrayField(TextField()), cast="text[]")
_CUSTOMER = Parameter("customer_key", TextField())


def _sellable(condition: Any, to: Parameter | None) -> QuerySet[Any, Any]:
    rows = Variant.objects.filter(
        condition,
        ~Q(product__kind=Product.Kind.RENTAL),  # it is let by the night, and nobody has said which nights
        is_active=True,
        product__is_active=True,
        product__deleted_at__isnull=True,
        stock_level__isnull=False,
    ).order_by("product_id", "pk")  # the one order in which stock is locked
    promoted = with_promotions(
        with_offers(rows, to=to), to=to, codes=_CODES, customer_key=_CUSTOMER, product="product_id"
    )
    return promoted.values_list(*_COLUMNS)


_NAMED = AnyOf("pk", ids("variants"))
_NAMED_BY_PRODUCT = Q(_NAMED) | Q(AnyOf("product_id", ids("products")))
_LOCKED = {  # by whether somebody is signed in, and whether something is named by its product
    (signed_in, by_product): Prepared(partial(_sellable, condition, to), lock=Stock)
    for signed_in, to in ((True, _USER), (False, None))
    for by_product, condition in ((True, _NAMED_BY_PRODUCT), (False, _NAMED))
}


def lock_lines(
    items: Sequence[ItemInput], *, user_id: UUID | None, codes: Sequence[str] = (), customer_key: str = ""
) -> list[WantedLine]:
    """Return what is wanted with prices for this user (None: anybody), its stock locked, in one statement.

    With what promotions it may have, by ``codes`` too, that ``customer_key`` has not used up.

    Lines of the same variant are added up; the first one's place counts. Locks are taken in one order everywhere, by
    product and variant. Must run inside a transaction.

    Raises:
        ProductUnavailable: a product or variant is unknown or not for sale; one row each.
        VariantRequired: a product has several variants and none was named.
        InsufficientStock: names every short item; nothing is taken.
    """
    products = {item.product_id for item in items if item.variant_id is None and item.product_id is not None}
    rows = _LOCKED[user_id is not None, bool(products)].rows(
        user=user_id,
        variants=[item.variant_id for item in items if item.variant_id],
        products=list(products),
        codes=list(codes),
        customer_key=customer_key,
    )
    lines = _lines(items, rows)
    _refuse_short(lines)
    return lines


def _lines(items: Sequence[ItemInput], rows: Iterable[Sequence[Any]]) -> list[WantedLine]:
    found = {row[0]: _sellable_of(row) for row in rows}
    wanted, attrs = chosen_variants(items, ((each.product_id, pk) for pk, each in found.items()))
    unknown = [f"{attrs[pk]}.variant_id" for pk in wanted if pk not in found]
    if unknown:
        raise ProductUnavailable(_rows(ProductUnavailable, unknown))
    return [WantedLine(found[pk], quantity, attrs[pk]) for pk, quantity in wanted.items()]


def resolve_items(items: Sequence[ItemInput]) -> tuple[Counter[UUID], dict[UUID, str]]:
    """Do what ``chosen_variants`` does, by what the catalogue has now, without a lock."""
    products = {item.product_id for item in items if item.variant_id is None and item.product_id is not None}
    if not products:
        return chosen_variants(items, ())
    for_sale = Variant.objects.filter(product_id__in=products, is_active=True).values_list("product_id", "pk")
    return chosen_variants(items, for_sale)


def chosen_variants(
    items: Sequence[ItemInput], for_sale: Iterable[tuple[UUID, UUID]]
) -> tuple[Counter[UUID], dict[UUID, str]]:
    """Return how many of each variant are wanted, and where each first stood in the request.

    ``for_sale`` are pairs of product and variant.

    Raises:
        ProductUnavailable, VariantRequired: with one row for each item that names no single variant.
    """
    choices: dict[UUID, list[UUID]] = {}
    for product_id, variant_id in for_sale:
        choices.setdefault(product_id, []).append(variant_id)
    wanted: Counter[UUID] = Counter()
    attrs: dict[UUID, str] = {}
    unavailable: list[str] = []
    undecided: list[str] = []
    for item in items:
        chosen = item.variant_id
        if chosen is None:
            candidates = choices.get(item.product_id, []) if item.product_id else []
            if len(candidates) != 1:
                (undecided if candidates else unavailable).append(f"{item.attr}.product_id")
                continue
            chosen = candidates[0]
        wanted[chosen] += item.quantity
        attrs.setdefault(chosen, item.attr)
    if unavailable:
        raise ProductUnavailable(_rows(ProductUnavailable, unavailable))
    if undecided:
        raise VariantRequired(_rows(VariantRequired, undecided))
    return wanted, attrs


def refuse_changed(lines: Iterable[WantedLine], seen: Mapping[UUID, Decimal]) -> None:
    """Refuse lines whose price is not the one that the customer was shown.

    Raises:
        PriceChanged: one row each.
    """
    changed = [
        ErrorRow(PriceChanged.code, f"{line.variant.sku} now costs {line.price}.", f"{line.attr}.price".lstrip("."))
        for line in lines
        if line.price != seen[line.variant.variant_id]
    ]
    if changed:
        raise PriceChanged(changed)


def _sellable_of(row: Sequence[Any]) -> Sellable:
    return Sellable(
        variant_id=row[0],
        product_id=row[1],
        sku=row[2],
        options=row[3],
        own_price=row[4],
        weight_grams=row[5],
        product_name=row[6],
        currency=row[7],
        kind=row[8],
        tax_kind=TaxKind(row[9]),
        available=row[10],
        offers=offers_in(row[11]),
        promotions=row[12],
        backorder_limit=row[13],
        available_from=row[14],
    )


def _refuse_short(lines: Iterable[WantedLine]) -> None:
    short = [
        ErrorRow(
            InsufficientStock.code,
            f"Only {line.variant.sellable} left of {line.variant.product_name}.",
            f"{line.attr}.quantity".lstrip("."),
        )
        for line in lines
        if line.variant.keeps_stock and line.variant.sellable < line.quantity
    ]
    if short:
        raise InsufficientStock(short)


def _rows(error: type[DomainError], attrs: Iterable[str]) -> list[ErrorRow]:
    return [ErrorRow(error.code, error.message, attr.lstrip(".")) for attr in attrs]
