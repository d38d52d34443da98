"""Reading gift cards and store credit."""

from django.db.models import Prefetch, QuerySet

from accounts.models import User
from payments.credit.models import CreditMovement, GiftCard, StoreCredit

MOST_MOVEMENTS = 50  # of one balance, the newest


def gift_cards() -> QuerySet[GiftCard]:
    """Every card with the number of the order that it was bought with, in one statement."""
    return GiftCard.objects.select_related("order_item__order")


def with_movements(cards: QuerySet[GiftCard]) -> QuerySet[GiftCard]:
    """Cards with their newest movements, as ``newest_movements``, in one statement more."""
    return cards.prefetch_related(Prefetch("movements", queryset=_newest(), to_attr="newest_movements"))


def store_credit_of(user: User) -> QuerySet[StoreCredit]:
    """A customer's balances, by currency, with their newest movements, in two statements."""
    movements = Prefetch("movements", queryset=_newest(), to_attr="newest_movements")
    return StoreCredit.objects.filter(user=user).order_by("currency").prefetch_related(movements)


def _newest() -> QuerySet[CreditMovement]:
    movements = CreditMovement.objects.select_related("received__payment__order", "refund__payment__order")
    return movements.order_by("-created_at", "-pk")[:MOST_MOVEMENTS]
