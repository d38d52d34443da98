"""Why a code gives nothing, in the order in which a customer would want to know."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Exists, ExpressionWrapper, IntegerField, Model, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Now

from ecommerce.exceptions import ErrorRow
from ecommerce.money import format_money
from orders.pricing.promotions import Goods
from orders.promotions.codes import LONGEST, normalise
from orders.promotions.customers import customer_key_of
from orders.promotions.exceptions import CouponRefused
from orders.promotions.models import Coupon, Promotion, PromotionUsage
from orders.promotions.selectors import promotions_of


def refusal_of(
    code: str,
    *,
    to: UUID | None,
    rows: Sequence[Model],
    goods: Sequence[Goods],
    variant: str = "pk",
    customer_key: str = "",
) -> CouponRefused | None:
    """Return why a code takes nothing off a basket; None if it may.

    ``rows`` are the basket's, as ``with_promotions`` annotates them for this code too, and ``goods`` what they cost. A
    minimum that is not reached comes with what is ``missing``. One statement.
    """
    code = normalise(code)
    coupon = coupons_named([code], to=to, customer_key=customer_key).get(code)
    if reason := refusal_by_terms(code, coupon):
        return CouponRefused([ErrorRow(*reason, "code")])
    assert coupon is not None  # noqa: S101 - else it is unknown
    wanted = coupon.promotion
    promotion = next((one for one in promotions_of(rows, variant=variant) if one.key == wanted.pk), None)
    if promotion is None:
        return CouponRefused([ErrorRow("coupon_not_for_these", f"{code} is for other goods.", "code")])
    own = [one for one in goods if promotion.lines is None or one.key in promotion.lines]
    if (short := promotion.minimum - sum(one.amount for one in own)) > 0:
        missing = Decimal(short).scaleb(-2)
        detail = f"Goods for {format_money(missing, wanted.currency)} more, and {code} counts."
        row = ErrorRow("coupon_minimum_not_reached", detail, "code")
        return CouponRefused([row], missing=str(missing), currency=wanted.currency)
    if (units := promotion.minimum_quantity - sum(one.quantity for one in own)) > 0:
        row = ErrorRow("coupon_minimum_quantity_not_reached", f"{units} more, and {code} counts.", "code")
        return CouponRefused([row], missing=units)
    return None


def coupons_named(codes: Iterable[str], *, to: UUID | None, customer_key: str = "") -> dict[str, Coupon]:
    """Return the coupons with these (normalised) codes, by code, with what ``refusal_by_terms`` asks. One statement."""
    usages = PromotionUsage.objects.filter(
        promotion=OuterRef("promotion"), customer_key=customer_key or customer_key_of(to)
    )
    groups = Promotion.groups.through.objects.filter(promotion=OuterRef("promotion"), customergroup__members=to)
    coupons = Coupon.objects.select_related("promotion").annotate(
        moment=Now(),
        is_theirs=ExpressionWrapper(Q(promotion__for_everybody=True) | Exists(groups), BooleanField()),
        their_uses=_uses(usages.filter(coupon__isnull=True)),
        their_uses_of_it=_uses(usages.filter(coupon=OuterRef("pk"))),
    )
    return {coupon.code: coupon for coupon in coupons.filter(code__in=codes)}


def refusal_by_terms(code: str, coupon: Any) -> tuple[str, str] | None:
    """Return the code and the text of why a coupon of ``coupons_named`` gives nothing, whatever the basket holds."""
    shown = code[:LONGEST]
    if coupon is None or not (coupon.is_active and coupon.promotion.is_active):
        return "coupon_unknown", f"{shown} is no code of ours."
    promotion = coupon.promotion
    if any(_is_over(one.valid_until, coupon.moment) for one in (coupon, promotion)):
        return "coupon_expired", f"{shown} is over."
    if any(one.valid_from is not None and one.valid_from > coupon.moment for one in (coupon, promotion)):
        return "coupon_not_yet", f"{shown} does not count yet."
    if not coupon.is_theirs:
        return "coupon_not_for_you", f"{shown} is for other customers. If it is for you, sign in first."
    if any(one.limit_total is not None and one.uses >= one.limit_total for one in (coupon, promotion)):
        return "coupon_exhausted", f"{shown} has been used up."
    used = ((promotion.limit_per_customer, coupon.their_uses), (coupon.limit_per_customer, coupon.their_uses_of_it))
    if any(limit is not None and uses >= limit for limit, uses in used):
        return "coupon_limit_per_customer", f"You have used {shown} as often as you may."
    return None


def _is_over(end: datetime | None, moment: datetime) -> bool:
    return end is not None and end <= moment


def _uses(usages: Any) -> Coalesce:
    return Coalesce(Subquery(usages.values("uses")), 0, output_field=IntegerField())
