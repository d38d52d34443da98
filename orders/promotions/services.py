"""Writing promotions and coupons."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from catalog.curation import models as curation
from ecommerce.exceptions import ErrorRow
from orders.promotions.codes import CODE, LONGEST, normalise, random_code
from orders.promotions.exceptions import (
    CollectionByRule,
    CouponTaken,
    LimitBelowUses,
    PromotionAutomatic,
    PromotionHasCoupons,
    PromotionInUse,
    PromotionInvalid,
)
from orders.promotions.models import NUMBER_FIELDS, NUMBERS, Coupon, Promotion, Redemption

GOODS = ("categories", "brands", "collections", "products")
MAX_CODES = 5000  # that one request makes
RANDOM = 10  # characters of a generated code behind its prefix


@transaction.atomic
def save_promotion(promotion: Promotion | None = None, **fields: Any) -> Promotion:
    """Create a promotion, or change the named fields of one; ``GOODS`` and ``groups`` replace what is there.

    Numbers that another kind has are dropped with it. Without ``currency``, amounts are in the shop's.

    Raises:
        PromotionInvalid: with one row for each number that its kind lacks or does not have, and for the period.
        CollectionByRule: nobody can tell beforehand what is in that collection.
        PromotionHasCoupons: it would need no code any more.
        LimitBelowUses: more orders have it already.
        Promotion.DoesNotExist: somebody has deleted it.
    """
    lists = {name: fields.pop(name) for name in (*GOODS, "groups") if name in fields}
    promotion = Promotion() if promotion is None else lock_promotion(promotion.pk)
    for name, value in fields.items():
        setattr(promotion, name, value)
    settle_numbers(promotion, fields)
    _refuse_backwards(promotion.valid_from, promotion.valid_until)
    if any(one.kind == curation.Collection.Kind.BY_RULE for one in lists.get("collections", ())):
        raise CollectionByRule([ErrorRow(CollectionByRule.code, CollectionByRule.message, "collections")])
    if promotion.is_automatic and promotion.coupons.exists():
        raise PromotionHasCoupons([ErrorRow(PromotionHasCoupons.code, PromotionHasCoupons.message, "is_automatic")])
    _settle_uses(promotion, Redemption.objects.filter(promotion=promotion))
    promotion.save()
    for name, rows in lists.items():
        getattr(promotion, name).set(rows)
    if lists:
        settle_reach(promotion)
    return promotion


def lock_promotion(promotion_id: UUID) -> Promotion:
    """Lock a promotion against everything, also against orders that are just taking it: their uses are counted.

    Raises:
        Promotion.DoesNotExist: somebody has deleted it.
    """
    return Promotion.objects.select_for_update().get(pk=promotion_id)


def settle_reach(promotion: Promotion) -> None:
    """Note whether its lists are empty now: for all goods, for everybody."""
    promotion.for_all_goods = not any(getattr(promotion, name).exists() for name in GOODS)
    promotion.for_everybody = not promotion.groups.exists()
    promotion.save(update_fields=["for_all_goods", "for_everybody", "updated_at"])


@transaction.atomic
def delete_promotion(promotion_id: UUID) -> None:
    """Delete a promotion that no order has ever had, with its coupons.

    Raises:
        PromotionInUse
        Promotion.DoesNotExist
    """
    promotion = lock_promotion(promotion_id)
    if promotion.redemptions.exists():
        raise PromotionInUse()
    promotion.delete()


@transaction.atomic
def save_coupon(coupon: Coupon | None = None, *, promotion: Promotion | None = None, **fields: Any) -> Coupon:
    """Create a coupon of ``promotion``, or change the named fields of one; its promotion stays what it is.

    Raises:
        PromotionInvalid: a code that is none, or a period that ends before it begins.
        PromotionAutomatic: the promotion needs no code.
        CouponTaken, LimitBelowUses
        Coupon.DoesNotExist: somebody has deleted it.
    """
    coupon = coupon or Coupon(promotion=promotion)
    _lock_for_codes(coupon.promotion_id)  # before the coupon, as orders lock them
    if not coupon._state.adding:
        coupon = Coupon.objects.select_for_update().get(pk=coupon.pk)
    if "code" in fields:
        fields["code"] = checked_code(fields["code"])
        if Coupon.objects.filter(code=fields["code"]).exclude(pk=coupon.pk).exists():
            raise CouponTaken([ErrorRow(CouponTaken.code, CouponTaken.message, "code")])
    for name, value in fields.items():
        setattr(coupon, name, value)
    _refuse_backwards(coupon.valid_from, coupon.valid_until)
    _settle_uses(coupon, Redemption.objects.filter(coupon=coupon))
    coupon.save()
    return coupon


@transaction.atomic
def generate_coupons(promotion_id: UUID, *, count: int, prefix: str = "", **fields: Any) -> list[Coupon]:
    """Make so many coupons with codes that nobody can guess; ``fields`` are those of each.

    Raises:
        PromotionInvalid: the prefix begins no code, or the period ends before it begins.
        PromotionAutomatic: the promotion needs no code.
        Promotion.DoesNotExist
    """
    prefix = normalise(prefix)
    checked_code(random_code(prefix, length=RANDOM), attr="prefix")
    _refuse_backwards(fields.get("valid_from"), fields.get("valid_until"))
    _lock_for_codes(promotion_id)
    codes: set[str] = set()
    while len(codes) < count:
        codes |= {random_code(prefix, length=RANDOM) for _ in range(count - len(codes))}
        codes -= set(Coupon.objects.filter(code__in=codes).values_list("code", flat=True))
    return Coupon.objects.bulk_create(
        [Coupon(promotion_id=promotion_id, code=code, **fields) for code in sorted(codes)], batch_size=1000
    )


@transaction.atomic
def delete_coupon(coupon_id: UUID) -> None:
    """Delete a coupon that no order has ever had; baskets lose it.

    Raises:
        PromotionInUse
        Coupon.DoesNotExist
    """
    coupon = Coupon.objects.select_for_update().get(pk=coupon_id)
    if coupon.redemptions.exists():
        raise PromotionInUse()
    coupon.delete()


def checked_code(text: str, *, attr: str = "code") -> str:
    """Return a code as it is kept.

    Raises:
        PromotionInvalid: it is no code.
    """
    code = normalise(text)
    if not CODE.fullmatch(code):
        detail = f"3 to {LONGEST} letters from A to Z, digits, - and _; a letter or digit first."
        raise PromotionInvalid([ErrorRow("invalid_code", detail, attr)])
    return code


def _lock_for_codes(promotion_id: UUID) -> None:
    """Keep a promotion from becoming automatic until the coupon is in it."""
    if Promotion.objects.select_for_update(no_key=True).get(pk=promotion_id).is_automatic:
        raise PromotionAutomatic([ErrorRow(PromotionAutomatic.code, PromotionAutomatic.message, "promotion")])


def settle_numbers(promotion: Promotion, sent: Collection[str]) -> None:
    """Give a promotion the numbers that its kind has by itself, and none that it has not.

    Raises:
        PromotionInvalid: one is missing; or one of those that were ``sent`` is none of its kind.
    """
    needed, possible = NUMBERS[promotion.kind]
    if promotion.kind == Promotion.Kind.BUY_GET and promotion.percent is None:
        promotion.percent = Decimal(100)
    wrong = []
    for name in NUMBER_FIELDS:
        value = getattr(promotion, name)
        if name in needed and value is None:
            wrong.append(ErrorRow("required", f"{promotion.kind} needs it.", name))
        elif name not in needed | possible and value is not None:
            if name in sent:
                wrong.append(ErrorRow("not_allowed", f"{promotion.kind} has none.", name))
            setattr(promotion, name, None)
    if wrong:
        raise PromotionInvalid(wrong)
    has_amounts = promotion.amount is not None or promotion.minimum_amount > 0
    promotion.currency = (promotion.currency or settings.DEFAULT_CURRENCY) if has_amounts else ""


def _settle_uses(row: Promotion | Coupon, redemptions: Any) -> None:
    """Count what orders have of it, from the moment at which it has a limit."""
    row.uses = 0 if row.limit_total is None else redemptions.filter(released_at__isnull=True).count()
    if row.limit_total is not None and row.uses > row.limit_total:
        raise LimitBelowUses(row.uses)


def _refuse_backwards(begins: datetime | None, ends: datetime | None) -> None:
    if begins is not None and ends is not None and begins >= ends:
        detail = "It begins before it ends."
        raise PromotionInvalid([ErrorRow("period_backwards", detail, "valid_until")])
