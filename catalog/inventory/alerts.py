"""Telling staff what is running low. A trigger on stock raises and clears the alerts: see migration 0007_inventory."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import Permission
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from catalog.inventory.models import LowStockAlert
from catalog.inventory.selectors import low_stock
from catalog.models import Product, Stock
from catalog.tasks import gather_stock_alerts as gather_stock_alerts_task
from catalog.tasks import mail_stock_alerts as mail_stock_alerts_task
from ecommerce.events import emit_all, event_of
from ecommerce.mail import send_template
from ecommerce.retention import delete_in_batches

BATCH = 500  # alerts that one mail takes on
SHOWN = 100  # of them, in the mail
# A variant whose orders are placed and cancelled around its threshold is mailed of once in this time.
QUIET = timedelta(days=1)
FORGOTTEN = timedelta(hours=1)  # nobody was told: the message was given up
KEPT = timedelta(days=365)  # after it was cleared


def open_alerts() -> QuerySet[LowStockAlert]:
    """Return the alerts that somebody can do something about: of goods that are sold."""
    return LowStockAlert.objects.filter(
        cleared_at__isnull=True,
        variant__is_active=True,
        variant__product__is_active=True,
        variant__product__deleted_at__isnull=True,
        variant__product__kind=Product.Kind.PHYSICAL,
    )


@transaction.atomic
def gather_stock_alerts() -> None:
    """Owe one mail to each of those who are told, about all alerts that nobody was told of.

    Several may run at the same time: each takes alerts that no other has.
    """
    untold = open_alerts().filter(told_at__isnull=True).select_for_update(of=("self",), no_key=True, skip_locked=True)
    alerts = list(untold.order_by("created_at", "pk")[:BATCH])
    if not alerts:
        return
    lately = LowStockAlert.objects.filter(variant=OuterRef("variant"), told_at__gt=timezone.now() - QUIET)
    taken = LowStockAlert.objects.filter(pk__in=[alert.pk for alert in alerts])
    to_tell = list(taken.exclude(Exists(lately)).select_related("variant").order_by("pk"))
    new = [str(alert.pk) for alert in to_tell]
    taken.update(told_at=Now(), updated_at=Now())
    if new:
        emit_all(
            event_of("stock.low", alert.variant_id, product_id=str(alert.variant.product_id), threshold=alert.threshold)
            for alert in to_tell
        )
        first = min(new)
        for address in settings.STOCK_ALERT_EMAILS:
            mail_stock_alerts_task.owe(f"low-stock:{first}:{address}"[:200], alert_ids=new, address=address)
        for user_id in _readers().values_list("pk", flat=True) if not settings.STOCK_ALERT_EMAILS else ():
            mail_stock_alerts_task.owe(f"low-stock:{first}:{user_id}", alert_ids=new, user_id=str(user_id))
    if len(alerts) == BATCH:
        gather_stock_alerts_task.owe(f"low-stock:after:{alerts[-1].pk}")


def mail_stock_alerts(alert_ids: Sequence[str], *, user_id: UUID | None, address: str) -> None:
    """Tell one person what is low and still is. Called by a worker, outside a transaction."""
    if user_id is not None:
        reader = _readers().filter(pk=user_id).first()
        if reader is None:  # may not know any more
            return
        address = reader.email or ""
    alerts = open_alerts().filter(pk__in=alert_ids).annotate(left=F("variant__stock_level__available"))
    rows = [
        {
            "sku": alert.variant.sku,
            "name": _in_one_line(alert.variant.product.product_name),
            "available": alert.left,
            "threshold": alert.threshold,
        }
        for alert in alerts.select_related("variant__product").order_by("left", "variant__sku")
    ]
    if not rows:
        return
    context = {
        "rows": rows[:SHOWN],
        "count": len(rows),
        "more": max(len(rows) - SHOWN, 0),
        "link": f"{settings.PUBLIC_BASE_URL}/admin/catalog/lowstockalert/",
    }
    send_template("catalog/low_stock", to=address, context=context)


def tend_stock_alerts() -> None:
    """Clear what is not low any more (the shop's threshold was lowered), owe what was given up, forget what is old."""
    low = Stock.objects.filter(low_stock(), variant=OuterRef("variant"))
    LowStockAlert.objects.filter(~Exists(low), cleared_at__isnull=True).update(cleared_at=Now(), updated_at=Now())
    if open_alerts().filter(told_at__isnull=True, created_at__lt=Now() - FORGOTTEN).exists():
        with transaction.atomic():
            gather_stock_alerts_task.owe(f"low-stock:again:{timezone.now():%Y-%m-%dT%H}")
    delete_in_batches(LowStockAlert.objects.filter(cleared_at__lt=Now() - KEPT))


def _readers() -> QuerySet[User]:
    """Return the staff who may see the alerts and have an address."""
    permission = Permission.objects.filter(codename="view_lowstockalert", content_type__app_label="catalog")
    may = (
        Q(is_superuser=True)
        | Exists(permission.filter(user=OuterRef("pk")))
        | Exists(permission.filter(group__user=OuterRef("pk")))
    )
    return User.objects.filter(may, is_active=True, is_staff=True, email__isnull=False).order_by("pk")


def _in_one_line(text: str) -> str:
    return " ".join(text.split())
