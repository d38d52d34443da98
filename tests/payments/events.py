"""Payments to be watched, and what their streams say."""

import json
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import connection, transaction

from accounts.models import User
from payments.models import Payment
from tests.factories import ProductFactory, UserFactory, place_order


def payment_of(user: User | None = None, **fields: Any) -> Payment:
    """Return a pending payment of KES 1,500."""
    order = place_order(user or UserFactory(), ProductFactory(price=Decimal("1500.00")))
    known = {"amount": order.total_amount, "currency": order.currency, "method": "mpesa", "provider": "mpesa"}
    return Payment.objects.create(order=order, user=order.user, **known | fields)


def path_of(payment: Payment) -> str:
    return f"/api/payments/{payment.pk}/stream/"


def change(payment: Payment, *, silently: bool = False, **fields: Any) -> None:
    """Write to a payment; ``silently`` as if the notice of it had been lost."""
    with transaction.atomic(), connection.cursor() as cursor:
        if silently:
            cursor.execute("ALTER TABLE payments_payment DISABLE TRIGGER payments_payment_told")
        Payment.objects.filter(pk=payment.pk).update(**fields)
        if silently:
            cursor.execute("ALTER TABLE payments_payment ENABLE TRIGGER payments_payment_told")


def changing(payment: Payment, **fields: Any) -> Any:
    return partial(change, payment, **fields)


def parse(text: bytes) -> dict[str, Any]:
    """Return one message as its fields, ``data`` as what its JSON says; a comment has the field "" alone."""
    lines = [line.partition(":") for line in text.decode().splitlines() if line]
    fields: dict[str, Any] = {name: value.removeprefix(" ") for name, _, value in lines}
    if "data" in fields:
        fields["data"] = json.loads(fields["data"])
    return fields
