"""One mail about a cart that was left, with a link that ends such mail."""

import logging
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.urls import reverse

from accounts.models import User
from ecommerce.mail import send_template
from ecommerce.money import format_money
from ecommerce.retention import BATCH
from orders.cart_changes import is_for_sale
from orders.models import Cart, CartItem
from orders.reminders.models import CartReminderRefusal
from orders.selectors import cart_items, price_of
from orders.tasks import send_cart_reminder

logger = logging.getLogger(__name__)

SALT = "orders.reminders"
WORTH_A_MAIL = timedelta(days=7)  # what was left longer ago is forgotten


def owe_reminders() -> int:
    """Owe a mail for every cart that was left, once for each version of it; return how many."""
    owed = 0
    while settings.CART_REMINDERS and (count := _owe_batch()):
        owed += count
    return owed


def send_reminder(cart_id: str, version: int) -> None:
    """Remind the owner of a cart. Called by a worker; whoever changed, ordered or refused meanwhile gets no mail."""
    cart = _left_carts().filter(pk=cart_id, version=version).select_related("user").first()
    if cart is None or cart.user is None or not settings.CART_REMINDERS:
        return
    items = [item for item in cart_items(cart) if is_for_sale(item.variant)]
    if not items:
        return
    lines = [
        {"item": item, "amount": format_money(price_of(item) * item.quantity, item.variant.product.currency)}
        for item in items
    ]
    link = unsubscribe_link(cart.user)
    send_template(
        "orders/cart_reminder",
        to=cart.user.email or "",
        context={"user": cart.user, "lines": lines, "link": f"{settings.FRONTEND_URL}/cart", "unsubscribe": link},
        # Mail programs offer a button by these. Source: RFC 8058.
        headers={"List-Unsubscribe": f"<{link}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    )


def unsubscribe_link(user: User) -> str:
    """Return the address that ends this customer's reminders without a log-in. It does not expire."""
    token = signing.Signer(salt=SALT, sep=".").sign(user.pk.hex)
    return f"{settings.PUBLIC_BASE_URL}{reverse('cart-reminders-unsubscribe', args=[token])}"


def user_of_token(token: str) -> User | None:
    """Return whose link holds this token; None if it is none of ours."""
    try:
        user_id = UUID(hex=signing.Signer(salt=SALT, sep=".").unsign(token[:200]))
    except (signing.BadSignature, ValueError):
        return None
    return User.objects.filter(pk=user_id).first()


def wants_reminders(user: User) -> bool:
    return not CartReminderRefusal.objects.filter(user=user).exists()


def set_reminders(user: User, *, wanted: bool) -> None:
    """Remember whether a customer wants mail about carts."""
    if wanted:
        CartReminderRefusal.objects.filter(user=user).delete()
    else:
        CartReminderRefusal.objects.get_or_create(user=user)


def _left_carts() -> QuerySet[Cart]:
    """Carts with something in them that their owners, who may be written to, have left for long enough.

    It speaks of buying and nobody asked for it, so it is marketing: it goes to whoever consented to that.
    """
    return Cart.objects.filter(
        Exists(CartItem.objects.filter(cart=OuterRef("pk"))),
        ~Exists(CartReminderRefusal.objects.filter(user=OuterRef("user"))),
        user__is_active=True,
        user__email__isnull=False,
        user__email_verified_at__isnull=False,
        user__profile__marketing_mail=True,
        updated_at__lt=Now() - settings.CART_REMINDER_AFTER,
        updated_at__gt=Now() - settings.CART_REMINDER_AFTER - WORTH_A_MAIL,
    )


@transaction.atomic
def _owe_batch() -> int:
    fresh = Q(reminded_version__isnull=True) | Q(reminded_version__lt=F("version"))
    due = _left_carts().filter(fresh).select_for_update(skip_locked=True, no_key=True, of=("self",))
    carts = list(due.order_by("updated_at")[:BATCH])
    for cart in carts:
        send_cart_reminder.owe(f"cart-reminder:{cart.pk}:{cart.version}", cart_id=str(cart.pk), version=cart.version)
    # Not ``updated_at``: the cart has not changed, and its time goes on.
    Cart.objects.filter(pk__in=[cart.pk for cart in carts]).update(reminded_version=F("version"))
    logger.info("carts_reminded", extra={"count": len(carts)})
    return len(carts)
