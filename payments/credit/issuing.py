"""Gift cards and store credit as staff handle them: made, switched off, given a date, put right."""

import logging
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from ecommerce.currencies import InexactAmount, UnknownCurrency, minor_units
from ecommerce.models import new_id
from payments.credit import books, codes
from payments.credit.exceptions import CreditAmountInvalid, GiftCardHasNoRecipient
from payments.credit.models import CreditMovement, GiftCard
from payments.tasks import send_gift_card

logger = logging.getLogger(__name__)

# Against a slip of the finger; the books would hold more.
LARGEST = Decimal("1000000.00")
CHANGEABLE = ("is_active", "expires_at")


@transaction.atomic
def issue_gift_card(
    *,
    amount: Decimal,
    currency: str,
    actor: User | None,
    recipient_email: str = "",
    message: str = "",
    expires_at: datetime | None = None,
    bought_by: User | None = None,
) -> GiftCard:
    """Make a gift card of ``amount`` in ``currency``; its code is mailed to the recipient, if one is named.

    Raises:
        CreditAmountInvalid: no amount of this currency, or beyond ``LARGEST``.
    """
    _refuse_odd(amount, currency)
    card_id = new_id()
    code = codes.code_for(card_id)
    card = GiftCard.objects.create(
        pk=card_id,
        code_hash=codes.hash_of(code),
        last4=code[-4:],
        currency=currency,
        initial_amount=amount,
        balance=0,
        expires_at=expires_at,
        issued_by=actor,
        bought_by=bought_by,
        recipient_email=recipient_email,
        message=message,
    )
    books.issue(card, actor=actor)
    if recipient_email:
        send_gift_card.owe(f"gift-card:{card.pk}", card_id=str(card.pk))
    logger.info("gift_card_issued", extra={"card_id": str(card.pk), "actor_id": str(actor.pk) if actor else None})
    return card


@transaction.atomic
def change_gift_card(card_id: UUID, *, actor: User, **changes: bool | datetime | None) -> GiftCard:
    """Change ``is_active`` or ``expires_at`` of a card; its balance stays."""
    card = books.lock_card(card_id)
    for name, value in changes.items():
        if name not in CHANGEABLE:
            raise TypeError(f"{name} of a gift card is not changed.")
        setattr(card, name, value)
    card.save(update_fields=[*changes, "updated_at"])
    logger.info("gift_card_changed", extra={"card_id": str(card_id), "actor_id": str(actor.pk), "what": [*changes]})
    return card


@transaction.atomic
def adjust_gift_card(card_id: UUID, *, amount: Decimal, actor: User, reason: str) -> CreditMovement:
    """Put ``amount`` onto a card, or take it off if negative; the shop bears it.

    Raises:
        CreditAmountInvalid: no amount of this currency, or beyond ``LARGEST``.
        CreditTooSmall: less is on the card.
    """
    card = books.lock_card(card_id)
    _refuse_odd(abs(amount), card.currency)
    return books.adjust(card, amount, source=f"adjust:{new_id()}", actor=actor, reason=reason)


@transaction.atomic
def adjust_store_credit(user: User, *, amount: Decimal, currency: str, actor: User, reason: str) -> CreditMovement:
    """Give a customer ``amount`` in ``currency`` to spend here, or take it back if negative.

    Raises:
        CreditAmountInvalid: no amount of this currency, or beyond ``LARGEST``.
        CreditTooSmall: less is there.
    """
    _refuse_odd(abs(amount), currency)
    held = books.lock_store_credit(user, currency)
    return books.adjust(held, amount, source=f"adjust:{new_id()}", actor=actor, reason=reason)


@transaction.atomic
def send_again(card_id: UUID, *, actor: User) -> GiftCard:
    """Owe the recipient the mail with the code once more.

    Raises:
        GiftCardHasNoRecipient: no address is known.
    """
    card = books.lock_card(card_id)
    if not card.recipient_email:
        raise GiftCardHasNoRecipient()
    send_gift_card.owe(f"gift-card:{card.pk}:{new_id()}", card_id=str(card.pk))
    logger.info("gift_card_sent_again", extra={"card_id": str(card_id), "actor_id": str(actor.pk)})
    return card


def expire_gift_cards(limit: int = 500) -> int:
    """Take what is left off cards whose time is over; return how many. Each is decided again under its lock."""
    due = GiftCard.objects.filter(balance__gt=0, expires_at__lte=Now()).order_by("expires_at")
    expired = 0
    for card_id in due.values_list("pk", flat=True)[:limit]:
        with transaction.atomic():
            card = books.lock_card(card_id)
            if card.balance > 0 and card.expires_at is not None and card.expires_at <= timezone.now():
                books.expire(card)
                expired += 1
    return expired


def _refuse_odd(amount: Decimal, currency: str) -> None:
    try:
        units = minor_units(amount, currency)
    except (InexactAmount, UnknownCurrency):
        raise CreditAmountInvalid() from None
    if units <= 0 or amount > LARGEST:
        raise CreditAmountInvalid()
