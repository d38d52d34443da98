"""How much waits, beside the lines of the sidebar. Counted no further than anybody would read."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from payments.models import MoneyOut, Payout, Refund
from payments.selectors import money_for_a_person

MOST = 99


def received_money(request: HttpRequest) -> str:
    return _count(money_for_a_person())


def refunds(request: HttpRequest) -> str:
    return _count(Refund.objects.filter(status=MoneyOut.Status.REVIEW))


def payouts(request: HttpRequest) -> str:
    return _count(Payout.objects.filter(status=MoneyOut.Status.REVIEW))


def _count(rows: QuerySet[Any]) -> str:
    count = rows.order_by()[: MOST + 1].count()
    if count > MOST:
        return f"{MOST}+"
    return str(count or "")
