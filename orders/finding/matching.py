"""Which orders a text may mean.

Each way is a look-up of its own, so that each can use its index: an OR over several tables would read all orders.
"""

from collections.abc import Sequence

from django.db.models import F, Q, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Upper

from ecommerce.phone import InvalidPhoneNumber, normalise_phone
from orders.models import Order
from orders.numbers import numbers_meant

SHORTEST_NAME = 3  # characters: fewer have no trigram to be found by
LONGEST = 100


def orders_matching(text: str) -> QuerySet[Order]:
    """Return the orders that ``text`` may mean, by any of the ways below, or by a SKU."""
    text = text.strip()[:LONGEST]
    ways = [Q(items__sku__iexact=text), Q(items__variant__sku__iexact=text)]
    ways += [*by_receipt(text), *by_number(text), *by_phone(text)]
    if text.isascii() and text.isdigit():
        ways.append(Q(number__startswith=text))
    ways += by_email(text) if "@" in text else by_name(text)
    return found(ways)


def found(ways: Sequence[Q]) -> QuerySet[Order]:
    """Return the orders that one of ``ways`` finds; no way finds none."""
    if not ways:
        return Order.objects.none()
    first, *rest = (_rows().filter(way).order_by().values("pk") for way in ways)
    return Order.objects.filter(pk__in=first.union(*rest))


def by_number(text: str) -> list[Q]:
    """An order's number however it is written, also without its check digit; or that of one of its parcels."""
    numbers = numbers_meant(text)
    return [Q(number__in=numbers)] if numbers else []


def by_phone(text: str) -> list[Q]:
    """A phone number in any usual spelling: the order's, its recipient's, its customer's, or one that paid."""
    try:
        phone = normalise_phone(text, attr=None)
    except InvalidPhoneNumber:
        return []
    return [
        Q(phone_number=phone),
        Q(shipping_address__has_key="phone_number", recipient_phone=phone),
        Q(user__phone_number=phone),
        Q(payment__attempts__phone_number=phone),
    ]


def by_email(text: str) -> list[Q]:
    """An address, or its beginning: the order's, or its customer's today."""
    text = text.strip()
    return [Q(upper_email__startswith=text.upper()), Q(user__email__startswith=text.lower())]


def by_name(text: str) -> list[Q]:
    """A part of the recipient's or the customer's name."""
    words = " ".join(text.split())
    if len(words) < SHORTEST_NAME:
        return []
    first, _, last = words.partition(" ")
    whole = Q(user__first_name__icontains=words) | Q(user__last_name__icontains=words)
    if last:
        whole |= Q(user__first_name__iendswith=first, user__last_name__istartswith=last)
        whole |= Q(user__last_name__iendswith=first, user__first_name__istartswith=last)
    return [Q(recipient__contains=words.upper()), whole]


def by_receipt(text: str) -> list[Q]:
    """The receipt of money that came for an order: M-Pesa's code, or another provider's."""
    code = text.strip().upper()
    if not code:
        return []
    return [
        Q(payment__transaction_id=code),
        Q(payment__attempts__receipt_number=code),
        Q(payment__received__receipt_number=code),
    ]


def _rows() -> QuerySet[Order]:
    """Orders with the expressions that are indexed."""
    return Order.objects.alias(
        upper_email=Upper(F("email")),
        recipient=Upper(KT("shipping_address__recipient")),
        recipient_phone=KT("shipping_address__phone_number"),
    )
