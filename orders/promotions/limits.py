"""How often promotions and coupons are used: taken with an order, given back when it is cancelled.

No count is read and then written: each is taken by a statement that looks at the limit while it holds the row, so that
of fifty who come at once for five uses exactly five have one. Rows are locked in one order everywhere: stock,
promotions, coupons, customers' counts, each by its key. So callers take, and give back, the stock first.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from ecommerce.exceptions import ErrorRow
from orders.models import Order
from orders.pricing.promotions import Applied
from orders.promotions.exceptions import CouponRefused, PromotionExhausted
from orders.promotions.models import Coupon, Promotion, PromotionUsage, Redemption
from orders.promotions.refusals import coupons_named, refusal_by_terms

_PROMOTIONS, _COUPONS = Promotion._meta.db_table, Coupon._meta.db_table
_USAGES, _REDEMPTIONS = PromotionUsage._meta.db_table, Redemption._meta.db_table
_TRIES = 3

# Locks rows, and tells which of them have a limit. One that has none is held so that none is set until this order is
# there to be counted; others may hold it too. A row that is given or loses its limit at this moment is left out.
_HOLD = """
    SELECT id, true FROM (
        SELECT id FROM {table} WHERE id = ANY (%s::uuid[]) AND limit_total IS NOT NULL ORDER BY id FOR NO KEY UPDATE
    ) AS limited
    UNION ALL
    SELECT id, false FROM (
        SELECT id FROM {table} WHERE id = ANY (%s::uuid[]) AND limit_total IS NULL ORDER BY id FOR KEY SHARE
    ) AS free
"""
_TAKE = "UPDATE {table} SET uses = uses + 1 WHERE id = ANY (%s::uuid[]) AND uses < limit_total RETURNING id"
_GIVE_BACK = "UPDATE {table} SET uses = uses - 1 WHERE id = ANY (%s::uuid[]) AND uses > 0"
# Counts, whether or not there is a limit: staff may set one later. Gives those that are counted now.
_TAKE_OF_CUSTOMER = f"""
    INSERT INTO {_USAGES} AS usage (promotion_id, coupon_id, customer_key, uses)
    SELECT wanted.promotion_id, wanted.coupon_id, %s, 1
    FROM unnest(%s::uuid[], %s::uuid[]) AS wanted (promotion_id, coupon_id)
    ORDER BY 1, 2
    ON CONFLICT (promotion_id, coupon_id, customer_key) DO UPDATE SET uses = usage.uses + 1
    WHERE usage.uses < coalesce(
        CASE
            WHEN usage.coupon_id IS NULL
            THEN (SELECT limit_per_customer FROM {_PROMOTIONS} WHERE id = usage.promotion_id)
            ELSE (SELECT limit_per_customer FROM {_COUPONS} WHERE id = usage.coupon_id)
        END,
        usage.uses + 1
    )
    RETURNING promotion_id, coupon_id
"""  # noqa: S608 - names of our own tables
# An array, which is whole before the first row is written: a join would lose rows that others have just written.
_GIVE_BACK_OF_CUSTOMER = f"""
    UPDATE {_USAGES} SET uses = uses - 1
    WHERE uses > 0 AND id = ANY (ARRAY(
        SELECT usage.id
        FROM {_USAGES} AS usage
        JOIN unnest(%s::uuid[], %s::uuid[], %s::text[]) AS had (promotion_id, coupon_id, customer_key)
            ON had.promotion_id = usage.promotion_id AND had.customer_key = usage.customer_key
            AND had.coupon_id IS NOT DISTINCT FROM usage.coupon_id
        ORDER BY usage.promotion_id, usage.coupon_id FOR NO KEY UPDATE OF usage
    ))
"""  # noqa: S608
_RELEASE = f"""
    UPDATE {_REDEMPTIONS} SET released_at = statement_timestamp(), updated_at = statement_timestamp()
    WHERE order_id = %s AND released_at IS NULL
    RETURNING promotion_id, coupon_id, customer_key
"""  # noqa: S608


def redeem(
    order: Order,
    applied: Sequence[Applied],
    *,
    customer_key: str,
    codes: Sequence[str],
    kept: Mapping[UUID, Coupon] | None = None,
) -> None:
    """Take the limits of what has taken something off an order, and write down what it was.

    ``codes`` are all that the customer has entered, normalised. One that gives nothing beside a better promotion is no
    matter; one that has ended meanwhile is, since the customer has seen another total. Must run in the transaction that
    places the order, with its stock taken. No statement where there is nothing to do, seven at most. ``kept`` are, by
    promotion, coupons that the order had when it was placed: their terms may have ended since, their limits count.

    Raises:
        CouponRefused: with one row for each code: ``coupon_exhausted``, ``coupon_limit_per_customer``, …
        PromotionExhausted: one without a code is used up. The next try does without it.
    """
    coupons = _still_good(codes, to=order.user_id, customer_key=customer_key) if codes else {}
    if not applied:
        return
    coupons |= kept or {}
    codes = [*codes, *(coupon.code for coupon in (kept or {}).values())]
    amounts = {UUID(str(one.key)): one.amount for one in applied}
    by_promotion = {key: coupons.get(key) for key in amounts}
    spent = _take(_PROMOTIONS, by_promotion)
    chosen = {coupon.pk: key for key, coupon in by_promotion.items() if coupon}
    if chosen and not spent:
        spent = {chosen[coupon_id] for coupon_id in _take(_COUPONS, chosen)}
    if spent:
        raise _refused("coupon_exhausted", "{} has been used up.", spent, by_promotion, codes)
    counted = [(key, None) for key in by_promotion] + [(key, coupon_id) for coupon_id, key in chosen.items()]
    taken = _rows(_TAKE_OF_CUSTOMER, [customer_key, *_columns(counted, 2)])
    if beyond := {key for key, coupon_id in set(counted) - set(taken)}:
        detail = "You have used {} as often as you may."
        raise _refused("coupon_limit_per_customer", detail, beyond, by_promotion, codes)
    Redemption.objects.bulk_create(
        [
            Redemption(
                order=order,
                promotion_id=key,
                coupon=by_promotion[key],
                customer_key=customer_key,
                amount=Decimal(amount).scaleb(-2),
            )
            for key, amount in amounts.items()
        ],
        update_conflicts=True,  # an order that is priced again may have what it has given back
        unique_fields=["order", "promotion"],
        update_fields=["coupon", "customer_key", "amount", "released_at", "updated_at"],
    )


def give_back(order: Order) -> None:
    """Give back what an order has taken of limits, once, however often it is asked. Six statements at most.

    Must run in the transaction that cancels the order, with its stock given back.
    """
    had = _rows(_RELEASE, [order.pk])
    if not had:
        return
    coupon_ids = [coupon_id for _, coupon_id, _ in had if coupon_id]
    for table, ids in ((_PROMOTIONS, [promotion_id for promotion_id, _, _ in had]), (_COUPONS, coupon_ids)):
        if limited := _hold(table, ids):
            _run(_GIVE_BACK.format(table=table), [limited])
    counted = {(promotion_id, None, key) for promotion_id, _, key in had} | set(had)
    _run(_GIVE_BACK_OF_CUSTOMER, _columns(list(counted), 3))


def _take(table: str, ids: Collection[UUID]) -> set[UUID]:
    """Count one use of each row that has a limit; return those that have reached it."""
    limited = _hold(table, ids)
    return set(limited) - {row[0] for row in _rows(_TAKE.format(table=table), [limited])} if limited else set()


def _hold(table: str, ids: Collection[UUID]) -> list[UUID]:
    """Lock rows until the transaction ends; return those that have a limit."""
    held: dict[UUID, bool] = {}
    for _ in range(_TRIES):
        waiting = [row_id for row_id in ids if row_id not in held]
        if not waiting:
            break
        held |= dict(_rows(_HOLD.format(table=table), [waiting, waiting]))
    return [row_id for row_id, is_limited in held.items() if is_limited]


def _still_good(codes: Sequence[str], *, to: UUID | None, customer_key: str) -> dict[UUID, Coupon]:
    """Return the coupons with these codes by their promotions; of several of one promotion the first by its code.

    Raises:
        CouponRefused
    """
    found = coupons_named(codes, to=to, customer_key=customer_key)
    reasons = {code: refusal_by_terms(code, found.get(code)) for code in codes}
    rows = [ErrorRow(*reason, f"codes.{index}") for index, code in enumerate(codes) if (reason := reasons[code])]
    if rows:
        raise CouponRefused(rows)
    return {found[code].promotion_id: found[code] for code in sorted(codes, reverse=True)}


def _refused(
    reason: str, detail: str, keys: Collection[UUID], coupons: Mapping[UUID, Coupon | None], codes: Sequence[str]
) -> CouponRefused | PromotionExhausted:
    named = [coupon.code for key in keys if (coupon := coupons[key])]
    if not named:
        return PromotionExhausted()
    return CouponRefused(
        [ErrorRow(reason, detail.format(code), f"codes.{codes.index(code)}") for code in sorted(named)]
    )


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [[row[place] for row in rows] for place in range(width)]


def _rows(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _run(statement: str, parameters: Sequence[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
