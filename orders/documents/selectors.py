"""Reading documents, by audience."""

from collections.abc import Mapping
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from accounts.models import User
from orders.documents.models import TaxDocument
from orders.etims.models import EtimsSubmission
from orders.links import order_of_token
from orders.models import Order
from orders.selectors import orders_visible_to

TOKEN_HEADER = "X-Order-Token"  # noqa: S105 - the name of a header


def may_see_documents(user: object) -> bool:
    """Tell whether somebody is staff who may see every invoice."""
    return isinstance(user, User) and user.is_staff and user.has_perm("orders.view_taxdocument")


def readable_orders(request: Request, order_id: UUID) -> QuerySet[Order]:
    """Return the order as a query if the asker may read it, else an empty one.

    That is its owner, staff who may see orders, and, for an order without an account, whoever holds its link.

    Raises:
        NotAuthenticated: nobody is signed in, and there is no link.
    """
    if isinstance(request.user, User):
        return orders_visible_to(request.user).prefetch_related(None).filter(pk=order_id)
    token = request.headers.get(TOKEN_HEADER, "")
    if not token:
        raise NotAuthenticated()
    orders = Order.objects.filter(pk=order_id, user__isnull=True)
    return orders if order_of_token(token) == order_id else orders.none()


def documents() -> QuerySet[TaxDocument]:
    """Every document with what is shown of it beside its content, in one statement; the newest first."""
    return TaxDocument.objects.select_related("order", "corrects", "etims").order_by("-issued_at", "-id")


def etims_of(document: TaxDocument) -> EtimsSubmission | None:
    return getattr(document, "etims", None)


def fiscal_facts(document: TaxDocument) -> Mapping[str, str] | None:
    """Return what the control unit has signed of a document, as it is printed; None before that."""
    submission = etims_of(document)
    if submission is None or submission.status != EtimsSubmission.Status.ACCEPTED:
        return None
    return {
        "scu_id": submission.scu_id,
        "receipt": f"{submission.scu_id}/{submission.receipt_number}".lstrip("/"),
        "signed_at": submission.signed_at.isoformat() if submission.signed_at else "",
        "internal_data": _in_groups(submission.internal_data),
        "signature": _in_groups(submission.signature),
        "qr_url": submission.qr_url,
    }


def _in_groups(text: str) -> str:
    """Return a code in groups of four: that is how receipts show it."""
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))
