"""Handing orders out as a file, with an entry in the trail: who took how much, by which filters."""

from collections.abc import Iterable

from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.models import User
from catalog.exchange.views import download
from orders.documents.numbering import NAIROBI
from orders.exporting.rows import as_csv
from orders.models import Order

RIGHTS = ("orders.view_order", "orders.export_order")


def may_export(user: object) -> bool:
    return isinstance(user, User) and user.is_active and user.is_staff and user.has_perms(RIGHTS)


def hand_out(
    orders: QuerySet[Order], *, user: User, request: HttpRequest, filters: Iterable[str]
) -> StreamingHttpResponse:
    """Return a file of ``orders`` that is made while it is sent.

    The trail keeps the names of the filters, not what was looked for: that may be a customer's phone number.
    """
    record(
        SecurityEvent.Kind.ORDERS_EXPORTED,
        user=user,
        request=request,
        filters=sorted(filters),
        orders=orders.order_by().count(),
    )
    name = f"orders-{timezone.now().astimezone(NAIROBI):%Y-%m-%d}.csv"
    return download(as_csv(orders), name=name, content_type="text/csv")
