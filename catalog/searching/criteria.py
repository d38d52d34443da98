"""What a search asks for, as conditions that the results and the facets share."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from catalog.attributes.asking import Interval
from catalog.documents.sql import Fragment

CATEGORY, BRAND, PRICE, IN_STOCK = "category", "brand", "price", "in_stock"


@dataclass(frozen=True)
class Condition:
    """One group of choices; its facet is counted as if nothing had been chosen in it."""

    group: str
    chosen: Fragment


@dataclass(frozen=True)
class Criteria:
    """Choices besides the text: any of the values of a group, all of the groups. Prices in the products' currency."""

    categories: Sequence[UUID] | None = None  # with all that is below them
    brands: Sequence[UUID] | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    in_stock: bool | None = None
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    numbers: Mapping[str, tuple[UUID, Sequence[Interval]]] = field(default_factory=dict)  # with the attribute's id

    def conditions(self) -> Iterator[Condition]:
        if self.categories is not None:
            sql = "catalog_product.category_id = ANY(%s::uuid[])"
            yield Condition(CATEGORY, Fragment(sql, (list(self.categories),)))
        if self.brands is not None:
            sql = "coalesce(catalog_product.brand_id = ANY(%s::uuid[]), FALSE)"
            yield Condition(BRAND, Fragment(sql, (list(self.brands),)))
        if self.min_price is not None or self.max_price is not None:
            sql = "catalog_product.price BETWEEN coalesce(%s::numeric, 0) AND coalesce(%s, 'Infinity'::numeric)"
            yield Condition(PRICE, Fragment(sql, (self.min_price, self.max_price)))
        if self.in_stock is not None:
            yield Condition(IN_STOCK, Fragment("catalog_product.in_stock = %s", (self.in_stock,)))
        for name, values in self.attributes.items():
            sql = (
                "coalesce(catalog_product.facets && "
                "(SELECT array_agg(catalog_facet(%s, chosen)) FROM unnest(%s::text[]) AS chosen), FALSE)"
            )
            yield Condition(attribute_group(name), Fragment(sql, (name, list(values))))
        for name, (attribute_id, intervals) in self.numbers.items():
            # The planner hashes it when many products are looked through, and looks each up when few are.
            within = " OR ".join(_within(interval) for interval in intervals)
            sql = (
                "EXISTS (SELECT 1 FROM catalog_productnumber AS n WHERE n.product_id = catalog_product.id "  # noqa: S608
                f"AND n.attribute_id = %s::uuid AND ({within}))"
            )
            bounds = [bound for each in intervals for bound in (each.low, each.high)]
            yield Condition(attribute_group(name), Fragment(sql, (str(attribute_id), *bounds)))


def _within(interval: Interval) -> str:
    below = "<" if interval.open else "<="
    low, high = "coalesce(%s, '-Infinity'::numeric)", "coalesce(%s, 'Infinity'::numeric)"
    return f"(n.value >= {low} AND n.value {below} {high})"


def attribute_group(name: str) -> str:
    return f"attributes.{name}"
