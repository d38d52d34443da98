"""Reading what sellers are owed."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F, Prefetch, Q, QuerySet, Sum
from django.utils import timezone

from accounts.models import User
from catalog.models import Product
from ecommerce.currencies import find_currency
from ecommerce.money import ZERO
from orders.models import Order, OrderItem
from payments.ledger import COMMISSION, seller_account
from payments.models import LedgerEntry, LedgerTransaction
from payments.sellers.models import CommissionRate, SellerSale


@dataclass(frozen=True)
class Balance:
    """What a seller is owed in one currency: ``due`` is what may be paid out, never more than ``balance``."""

    currency: str
    balance: Decimal
    due: Decimal


def commission_of(product: Product) -> int:
    """Return the basis points that hold now: the seller's own, else of the nearest category, else the shop's."""
    chain = [UUID(hex=label) for label in reversed(product.category.path.split("."))]
    rates = CommissionRate.objects.filter(Q(seller=product.seller_id) | Q(category__in=chain))
    by_category: dict[Any, int] = {}
    for rate in rates:
        if rate.seller_id is not None:
            return rate.basis_points
        by_category[rate.category_id] = rate.basis_points
    shops: int = settings.SELLER_COMMISSION_BASIS_POINTS
    return next((by_category[pk] for pk in chain if pk in by_category), shops)


def unbooked_orders() -> QuerySet[Order]:
    """Delivered, paid orders whose sellers' lines are not in the books, oldest first."""
    lines = OrderItem.objects.filter(product__seller__isnull=False, seller_sale__isnull=True, shipped_quantity__gt=0)
    return Order.objects.filter(
        status=Order.Status.DELIVERED, paid_at__isnull=False, pk__in=lines.values("order")
    ).order_by("created_at", "pk")


def statement_of(seller: User) -> QuerySet[LedgerEntry]:
    """Every booking on the seller's account with its commission, newest first; what is owed to them is negative."""
    kept = Prefetch("entries", LedgerEntry.objects.filter(account__code=COMMISSION), to_attr="kept")
    entries = LedgerEntry.objects.filter(account__code=seller_account(seller.pk)).select_related("account")
    booked = LedgerTransaction.objects.prefetch_related(kept)
    return entries.prefetch_related(Prefetch("transaction", booked)).order_by("-transaction__created_at", "-pk")


def balances_of(seller: User, *, at: datetime | None = None) -> list[Balance]:
    """Return what is owed by the ledger, by currency; what was sold lately is not due, what was paid out is off."""
    booked = (
        LedgerEntry.objects.filter(account__code=seller_account(seller.pk))
        .values_list("account__currency")
        .annotate(owed=-Sum("amount"))
        .order_by("account__currency")
    )
    later = SellerSale.objects.filter(seller=seller, due_at__gt=at or timezone.now()).values_list("currency")
    waiting = dict(later.annotate(net=Sum(F("gross") - F("commission"))).order_by())
    return [
        Balance(currency, balance := in_major_units(owed, currency), max(balance - waiting.get(currency, ZERO), ZERO))
        for currency, owed in booked
    ]


def in_major_units(amount: int, currency: str) -> Decimal:
    exponent = find_currency(currency).exponent
    return Decimal(amount).scaleb(-exponent).quantize(Decimal(1).scaleb(-exponent))
