"""Reading promotions: what goods may have now, and what staff see of them."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Case,
    Count,
    DecimalField,
    Expression,
    F,
    Func,
    JSONField,
    Model,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Sum,
    TextField,
    UUIDField,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from catalog.models import Product
from orders.pricing import promotions as pricing
from orders.pricing.baskets import hundredths
from orders.promotions.customers import customer_key_of
from orders.promotions.models import CartCoupon, Coupon, Promotion, Redemption

Rows = TypeVar("Rows", bound=QuerySet[Any])
Annotation = list[dict[str, Any]] | None  # of one row, by with_promotions


# --- What goods may have now -----------------------------------------------------------------------------------


# In the migrations: what is in force, and for which goods, is decided there.
class _InForce(Func):
    function = "orders_promotions_in_force"
    template = "(SELECT %(function)s(%(expressions)s))"  # a query of its own, so that it is asked once, not by row
    output_field = JSONField()


class _PromotionsFor(Func):
    function = "orders_promotions_for"
    output_field = JSONField()


def with_promotions(
    rows: Rows,
    *,
    to: UUID | Expression | None,
    codes: Sequence[str] | Expression | ArraySubquery,
    product: str,
    customer_key: str | Expression = "",
) -> Rows:
    """Annotate ``promotions``: what each row's product may have now, if it is this user (None: a guest) who buys.

    Those that need no code, and those that one of ``codes`` (normalised) opens. Read together with the rows: no
    statement more, and next to nothing while no promotion is in force. ``product`` is the row's field with the
    product's id. What a limit has used up for ``customer_key`` (else for the user) is left out. A prepared queryset
    brings its parameters: the user, the codes, and the key.
    """
    if not customer_key and not isinstance(to, Expression):
        customer_key = customer_key_of(to)
    in_force = _InForce(
        to if isinstance(to, Expression) else Value(to, UUIDField(null=True)),
        customer_key if isinstance(customer_key, Expression) else Value(customer_key, TextField()),
        codes if isinstance(codes, Expression | ArraySubquery) else Value(list(codes), ArrayField(TextField())),
    )
    is_gift_card = Q(**{f"{product.removesuffix('_id')}__kind": Product.Kind.GIFT_CARD})
    # Nothing is taken off gift cards: whoever bought them for less would pay for everything with them.
    return rows.annotate(
        promotions=Case(
            When(is_gift_card, then=Value(None, JSONField())),
            default=_PromotionsFor(F(product), in_force),
            output_field=JSONField(),
        )
    )


def promotions_of(rows: Iterable[Model], *, variant: str = "pk") -> list[pricing.Promotion]:
    """Return what ``promotions_in`` makes of rows that ``with_promotions`` has annotated.

    The goods are known by their variants' ids, which are in each row's attribute ``variant``.
    """
    return promotions_in((getattr(row, variant), row.promotions) for row in rows)  # type: ignore[attr-defined]


def promotions_in(annotated: Iterable[tuple[pricing.Key, Annotation]]) -> list[pricing.Promotion]:
    """Fold the annotations of a basket's goods into its promotions; what is taken off first comes first.

    The order of the goods means nothing: of equal priority, the older promotion comes first.
    """
    found: dict[str, dict[str, Any]] = {}
    lines: dict[str, set[pricing.Key]] = {}
    for key, promotions in annotated:
        for each in promotions or ():
            found[each["id"]] = each
            lines.setdefault(each["id"], set()).add(key)
    ordered = sorted(found.values(), key=lambda each: (-each["priority"], each["id"]))
    return [
        pricing.Promotion(
            key=UUID(each["id"]),
            effect=_effect_of(each),
            lines=frozenset(lines[each["id"]]),
            minimum=hundredths(Decimal(each["minimum"])),
            # Fewer than these cannot get anything of it.
            minimum_quantity=max(each["minimum_quantity"], (each["buy"] or 0) + (each["get"] or 0)),
            combines=each["combines"],
            order=-each["priority"],
        )
        for each in ordered
    ]


def names_in(annotations: Iterable[Annotation]) -> dict[pricing.Key, tuple[str, str]]:
    """Return the name of each promotion in these annotations, and the code that opened it, or an empty text."""
    return {UUID(each["id"]): (each["name"], each["code"] or "") for some in annotations for each in some or ()}


def with_codes(carts: Rows, *, cart: str = "pk") -> Rows:
    """Annotate ``codes``: what has been entered for each row's cart, in the order of entering."""
    entered = CartCoupon.objects.filter(cart=OuterRef(cart)).order_by("pk")
    return carts.annotate(codes=ArraySubquery(entered.values("coupon__code")))


def entered_for(cart_id: UUID | Expression) -> ArraySubquery:
    """Return the codes that have been entered for a cart, as ``with_promotions`` takes them."""
    return ArraySubquery(CartCoupon.objects.filter(cart=cart_id).order_by("pk").values("coupon__code"))


def _effect_of(each: dict[str, Any]) -> pricing.Effect:
    percent = Decimal(each["percent"] or 0)
    most = None if each["amount"] is None else hundredths(Decimal(each["amount"]))
    match Promotion.Kind(each["kind"]):
        case Promotion.Kind.PERCENT:
            return pricing.PercentOff(percent)
        case Promotion.Kind.AMOUNT:
            return pricing.AmountOff(most or 0)
        case Promotion.Kind.BUY_GET:
            return pricing.BuyGet(buy=each["buy"], get=each["get"], percent=percent, times=each["times"])
        case Promotion.Kind.FREE_SHIPPING:
            return pricing.FreeShipping(most)


# --- What staff see --------------------------------------------------------------------------------------------


def promotions() -> QuerySet[Promotion]:
    """Every promotion with what it is for, what orders have of it and how many codes open it; in six statements."""
    live = Redemption.objects.filter(promotion=OuterRef("pk"), released_at__isnull=True).order_by()
    taken_off = live.filter(order__currency=settings.DEFAULT_CURRENCY).values("promotion").annotate(sum=Sum("amount"))
    money: Any = DecimalField(max_digits=14, decimal_places=2)
    return Promotion.objects.annotate(
        live_uses=_count(live, "promotion"),
        discount_total=Coalesce(Subquery(taken_off.values("sum")), Decimal("0.00"), output_field=money),
        coupon_count=_count(Coupon.objects.filter(promotion=OuterRef("pk")).order_by(), "promotion"),
    ).prefetch_related(*(Prefetch(name, queryset=rows.only("pk")) for name, rows in _lists()))


def coupons() -> QuerySet[Coupon]:
    """Every coupon with its promotion's name and how many orders have it, in one statement."""
    live = Redemption.objects.filter(coupon=OuterRef("pk"), released_at__isnull=True).order_by()
    return (
        Coupon.objects.select_related("promotion")
        .only(*(field.name for field in Coupon._meta.concrete_fields), "promotion__name")
        .annotate(live_uses=_count(live, "coupon"))
    )


def _lists() -> Iterable[tuple[str, QuerySet[Any]]]:
    for name in ("categories", "brands", "collections", "products", "groups"):
        related: Any = Promotion._meta.get_field(name).related_model
        yield name, related.objects.all()


def _count(rows: QuerySet[Any], of: str) -> Coalesce:
    return Coalesce(Subquery(rows.values(of).annotate(n=Count("pk")).values("n")), 0)
