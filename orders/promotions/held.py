"""What an order has been promised: it keeps its promotions while it is edited, also those that have ended since."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from django.db.models import F, Func, JSONField, QuerySet, Value

from orders.models import Order
from orders.promotions.models import Redemption

Rows = TypeVar("Rows", bound=QuerySet[Any])


class _PromotionsFor(Func):
    function = "orders_promotions_for"  # in the migrations, as in ``selectors``
    output_field = JSONField()


def redemptions_of(order: Order) -> list[Redemption]:
    """Return what has taken something off an order and was not given back. One statement."""
    live = order.redemptions.filter(released_at__isnull=True)
    return list(live.select_related("promotion", "coupon").order_by("promotion_id"))


def held(redemptions: Iterable[Redemption]) -> list[dict[str, Any]]:
    """Return promotions in the form in which the database tells those in force."""
    return [
        {
            "id": str(promotion.pk),
            "for_all_goods": promotion.for_all_goods,
            "currency": promotion.currency,
            "kind": promotion.kind,
            "percent": _text(promotion.percent),
            "amount": _text(promotion.amount),
            "buy": promotion.buy_quantity,
            "get": promotion.get_quantity,
            "times": promotion.most_times,
            "minimum": str(promotion.minimum_amount),
            "minimum_quantity": promotion.minimum_quantity,
            "combines": promotion.combines,
            "priority": promotion.priority,
            "name": promotion.name,
            "code": redemption.coupon.code if redemption.coupon else None,
        }
        for redemption in redemptions
        for promotion in (redemption.promotion,)
    ]


def with_held_promotions(rows: Rows, promotions: Sequence[Mapping[str, Any]], *, product: str) -> Rows:
    """Annotate ``held_promotions``: those of ``promotions`` (by ``held``) that each row's product may have.

    ``product`` is the row's field with the product's id. No statement more.
    """
    if not promotions:
        return rows.annotate(held_promotions=Value(None, JSONField()))
    return rows.annotate(held_promotions=_PromotionsFor(F(product), Value(list(promotions), JSONField())))


def _text(number: Any) -> str | None:
    return None if number is None else str(number)
