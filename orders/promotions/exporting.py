"""Codes as a file, for whoever prints or mails them."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import QuerySet

from catalog.exchange.formats import csv_lines
from orders.promotions.models import Coupon

COLUMNS = ("code", "promotion", "is_active", "valid_from", "valid_until", "limit_total", "limit_per_customer", "uses")
_PAGE = 1000


def as_csv(coupons: QuerySet[Coupon]) -> Iterator[bytes]:
    """Yield a CSV of ``selectors.coupons()`` by their codes, a page of them in memory; no cell is a formula."""
    yield csv_lines([COLUMNS])
    last = ""
    while page := list(coupons.filter(code__gt=last).order_by("code")[:_PAGE]):
        last = page[-1].code
        yield csv_lines([_row(coupon) for coupon in page])


def _row(coupon: Coupon) -> list[str]:
    uses: int = coupon.live_uses  # type: ignore[attr-defined]  # annotated
    limits = (coupon.limit_total, coupon.limit_per_customer)
    return [
        coupon.code,
        coupon.promotion.name,
        "true" if coupon.is_active else "false",
        *(_time(moment) for moment in (coupon.valid_from, coupon.valid_until)),
        *("" if limit is None else str(limit) for limit in limits),
        str(uses),
    ]


def _time(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
