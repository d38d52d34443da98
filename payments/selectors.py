"""Reading payments, by audience."""

from django.db.models import Prefetch, QuerySet

from accounts.models import User
from payments.models import Payment, PaymentAttempt


def payments_visible_to(user: User) -> QuerySet[Payment]:
    """A customer's own payments; every payment for staff who may see payments. With attempts, newest first."""
    attempts = PaymentAttempt.objects.order_by("-created_at")
    payments = Payment.objects.select_related("order").prefetch_related(Prefetch("attempts", queryset=attempts))
    if user.is_staff and user.has_perm("payments.view_payment"):
        return payments
    return payments.filter(user=user)
