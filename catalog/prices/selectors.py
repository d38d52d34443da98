"""Reading prices, by audience."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import CharField, Count, Expression, F, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Cast, Coalesce, JSONObject, Now

from accounts.models import User
from catalog.prices.models import CustomerGroup, PriceList, PriceListItem
from catalog.prices.rules import Offer, unit_price

Rows = TypeVar("Rows", bound=QuerySet[Any])

_IN_FORCE = Q(is_active=True) & (Q(valid_from__isnull=True) | Q(valid_from__lte=Now()))
_IN_FORCE &= Q(valid_until__isnull=True) | Q(valid_until__gt=Now())


def may_view_price_lists(user: Any) -> bool:
    return bool(user.is_authenticated and user.is_staff and user.has_perm("catalog.view_pricelist"))


def price_lists() -> QuerySet[PriceList]:
    """Every list with the number of its prices; for whoever has been let in already."""
    counted = PriceListItem.objects.filter(price_list=OuterRef("pk")).order_by().values("price_list")
    count = Subquery(counted.annotate(total=Count("pk")).values("total"))
    return PriceList.objects.select_related("group").annotate(item_count=Coalesce(count, 0))


def price_lists_visible_to(user: Any) -> QuerySet[PriceList]:
    """Every list for staff who may see them; for others those in force that are theirs or everybody's."""
    if may_view_price_lists(user):
        return price_lists()
    return price_lists().filter(_IN_FORCE, _is_for(user.pk if user.is_authenticated else None))


def items_of(price_list: PriceList) -> QuerySet[PriceListItem]:
    """The prices of a list with the names of what they are for, in one statement."""
    shown = ("variant__sku", "variant__product__product_name")
    own = [field.name for field in PriceListItem._meta.concrete_fields]
    return (
        price_list.items.select_related("variant__product")
        .only(*own, *shown)
        .order_by("variant__sku", "min_quantity", "id")
    )


def customer_groups() -> QuerySet[CustomerGroup]:
    return CustomerGroup.objects.annotate(member_count=Count("members"))


def member_of_a_group(user: Any) -> UUID | None:
    """Return the id of a signed-in user who belongs to a group of customers: prices may be their own. One statement."""
    if not isinstance(user, User):
        return None
    return user.pk if CustomerGroup.members.through.objects.filter(user_id=user.pk).exists() else None


def everybody_has_a_list() -> bool:
    """Tell whether a price list that is for everybody is in force."""
    return PriceList.objects.filter(_IN_FORCE, _is_for(None)).exists()


# --- What a variant costs somebody now -----------------------------------------------------------------------


def with_offers(rows: Rows, *, to: UUID | Expression | None, variant: str = "pk") -> Rows:
    """Annotate ``offers``: what price lists offer this user (None: anybody) for the variant of each row.

    No statement more: it is read together with the rows. ``variant`` is the row's field with the variant's id.
    """
    return rows.annotate(offers=_offers(Q(variant=OuterRef(variant)), to))


def with_product_offers(products: Rows, *, to: UUID) -> Rows:
    """Annotate products with ``offers`` for one unit of any of their variants."""
    one_unit = Q(variant__product=OuterRef("pk"), variant__is_active=True, min_quantity=1)
    return products.annotate(offers=_offers(one_unit, to))


def _offers(condition: Q, to: UUID | Expression | None) -> ArraySubquery:
    in_force = PriceListItem.objects.filter(
        condition,
        price_list__in=PriceList.objects.filter(_IN_FORCE, _is_for(to)),
        price_list__currency=F("variant__product__currency"),
    ).order_by()
    # A number in JSON would be read as a float.
    return ArraySubquery(
        in_force.values(
            offer=JSONObject(
                min_quantity="min_quantity",
                price=Cast("price", CharField()),
                priority="price_list__priority",
                variant="variant_id",
                own=Cast("variant__price", CharField()),
            )
        )
    )


def offers_of(row: Model) -> list[Offer]:
    """Return what ``with_offers`` has annotated."""
    return offers_in(row.offers)  # type: ignore[attr-defined]


def offers_in(annotated: Iterable[dict[str, Any]]) -> list[Offer]:
    """Return the offers that stand in the annotation of ``with_offers``."""
    return [
        Offer(min_quantity=offer["min_quantity"], price=Decimal(offer["price"]), priority=offer["priority"])
        for offer in annotated
    ]


def lowest_price(product_price: Decimal, offers: Iterable[dict[str, Any]]) -> Decimal:
    """Return the lowest price of one unit of any variant, by what ``with_product_offers`` has annotated."""
    by_variant: dict[tuple[str, str], list[Offer]] = {}
    for offer in offers:
        row = Offer(min_quantity=1, price=Decimal(offer["price"]), priority=offer["priority"])
        by_variant.setdefault((offer["variant"], offer["own"]), []).append(row)
    return min([product_price, *(unit_price(Decimal(own), each, 1) for (_, own), each in by_variant.items())])


def _is_for(user_id: UUID | Expression | None) -> Q:
    """Return the condition on price lists that this user, or anybody, buys by."""
    everybody = Q(group__isnull=True)
    if user_id is None:
        return everybody
    groups = CustomerGroup.members.through.objects.filter(user_id=user_id).values("customergroup_id")
    return everybody | Q(group__in=groups)
