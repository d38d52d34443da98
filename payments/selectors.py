"""Reading payments, by audience."""

from typing import Any

from django.db.models import Count, DecimalField, Exists, Max, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from accounts.models import User
from ecommerce.money import ZERO
from orders.selectors import Buyer, acts_for
from payments.models import Payment, PaymentAttempt, ReceivedMoney, Refund


def payments_with_attempts() -> QuerySet[Payment]:
    """Every payment with what a reader wants to see of it, in two statements; attempts newest first."""
    attempts = PaymentAttempt.objects.order_by("-created_at")
    arrived = (
        ReceivedMoney.objects.filter(payment=OuterRef("pk"), status=ReceivedMoney.Status.APPLIED)
        .values("payment")
        .annotate(total=Sum("applied_amount"))
        .values("total")
    )
    payments = Payment.objects.annotate(
        paid_amount=Coalesce(Subquery(arrived), ZERO, output_field=DecimalField(max_digits=12, decimal_places=2))
    )
    return payments.select_related("order").prefetch_related(Prefetch("attempts", queryset=attempts))


def payments_open_to(buyer: Buyer) -> QuerySet[Payment]:
    """Payments of the orders that a buyer may act on; every payment for staff who may see payments."""
    payments = payments_with_attempts()
    if buyer.user and buyer.user.is_staff and buyer.user.has_perm("payments.view_payment"):
        return payments
    return payments.filter(acts_for(buyer, path="order"))


def payments_visible_to(user: User) -> QuerySet[Payment]:
    """A customer's own payments; every payment for staff who may see payments. With attempts, newest first."""
    return payments_open_to(Buyer(user))


def money_for_a_person() -> QuerySet[ReceivedMoney]:
    """The work list: money and claims that nobody has decided, and surplus whose refund failed."""
    going_back = Refund.objects.filter(received=OuterRef("pk")).exclude(status=Refund.Status.FAILED)
    undecided = Q(status__in=(ReceivedMoney.Status.UNMATCHED, ReceivedMoney.Status.UNVERIFIED))
    return ReceivedMoney.objects.filter(undecided | Q(~Exists(going_back), status=ReceivedMoney.Status.SURPLUS))


def counts_of(user: User) -> dict[str, Any]:
    """Return what support is told of somebody's payments; one statement."""
    return Payment.objects.filter(user=user).aggregate(
        count=Count("pk"),
        pending=Count("pk", filter=Q(status=Payment.Status.PENDING)),
        needs_refund=Count("pk", filter=Q(needs_refund=True)),
        last_paid_at=Max("paid_at"),
    )
