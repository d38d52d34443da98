"""Deleting carts that nobody has changed for long: those of guests sooner than those of customers."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from ecommerce.retention import BATCH
from orders.models import Cart


def expire_carts() -> int:
    """Delete carts whose time is over, and what was told for their checkout; return how many.

    In batches. A cart that somebody is changing is locked and is left out: it is not old any more.
    """
    guests = _expire(Q(user__isnull=True), settings.CART_LIFETIME_GUEST)
    return guests + _expire(Q(user__isnull=False), settings.CART_LIFETIME_USER)


def _expire(kind: Q, lifetime: timedelta) -> int:
    expired = 0
    while count := _expire_batch(kind, lifetime):
        expired += count
    return expired


@transaction.atomic
def _expire_batch(kind: Q, lifetime: timedelta) -> int:
    old = Cart.objects.filter(kind, updated_at__lt=Now() - lifetime)
    batch = [cart.pk for cart in old.select_for_update(skip_locked=True).order_by("updated_at")[:BATCH]]
    Cart.objects.filter(pk__in=batch).delete()
    return len(batch)
