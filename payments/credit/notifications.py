"""Mail about gift cards."""

from uuid import UUID

from django.conf import settings
from django.utils import timezone

from ecommerce.mail import send_template
from ecommerce.money import format_money
from payments.credit import codes
from payments.credit.models import GiftCard


def send_gift_card(card_id: UUID) -> None:
    """Mail a card's code to its recipient. Called by a worker; a repeat sends the same mail again.

    Raises:
        CodeLost: the key of its code is gone from the settings; a person sees the dead message.
    """
    card = GiftCard.objects.get(pk=card_id)
    if not card.recipient_email or not card.is_active:
        return
    context = {
        "code": codes.grouped(codes.code_of(card.pk, card.code_hash)),
        "amount": format_money(card.initial_amount, card.currency),
        "expires_at": card.expires_at,
        "message": card.message,
        "shop": settings.FRONTEND_URL,
    }
    send_template("payments/gift_card", to=card.recipient_email, context=context)
    GiftCard.objects.filter(pk=card.pk).update(mailed_at=timezone.now())
