"""What stands on an invoice: gathered once, kept as JSON, never asked for again.

Amounts are texts in the order's currency. ``lines`` are goods and shipping, each with what it costs without tax
(``net``), its ``tax`` and both (``gross``); ``taxes`` are their sums by kind and rate; ``totals`` the sums of those.
``version`` rises when the form changes; what reads documents must understand all of them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings

from catalog.tax_kinds import TaxKind
from ecommerce.money import ZERO
from orders import hooks
from orders.documents.exceptions import DocumentDoesNotAddUp
from orders.documents.letters import letter_of
from orders.models import Order, OrderItem
from orders.pricing.allocation import allocate
from orders.pricing.baskets import amount as major
from orders.pricing.baskets import hundredths as minor
from orders.pricing.baskets import tax_rate
from orders.pricing.taxes import TaxRate

VERSION = 1
Content = dict[str, Any]
Line = dict[str, Any]

ADDRESS_LINES = ("line1", "line2", "estate", "landmark", "town", "sub_county", "county", "postal_code")


def invoice_content(order: Order, *, number: str, issued_at: datetime) -> Content:
    """Return the content of an order's invoice.

    Raises:
        DocumentDoesNotAddUp: its lines are not its total.
    """
    lines = invoice_lines(order, list(order.items.select_related("product").order_by("position")))
    content = {
        "version": VERSION,
        "kind": "invoice",
        "number": number,
        "issued_at": issued_at.isoformat(),
        "order": {
            "id": str(order.pk),
            "number": order.number,
            "placed_at": order.created_at.isoformat(),
            "paid_at": order.paid_at.isoformat() if order.paid_at else None,
        },
        "seller": seller(),
        "buyer": buyer_of(order),
        "currency": order.currency,
        "prices_include_tax": order.prices_include_tax,
        "lines": lines,
        **sums_of(lines),
        "payments": [
            {
                "receipt_number": receipt.number,
                "method": receipt.method,
                "amount": str(receipt.amount),
                "received_at": receipt.received_at.isoformat(),
            }
            for ask in hooks.receipts_of
            for receipt in ask(order.pk)
        ],
    }
    if Decimal(content["totals"]["gross"]) != order.total_amount:
        raise DocumentDoesNotAddUp(f"order {order.number}: {content['totals']['gross']} is not {order.total_amount}")
    return content


def seller() -> dict[str, Any]:
    """Return who the shop is now, by its settings."""
    return {
        "name": settings.SHOP_LEGAL_NAME,
        "pin": settings.SHOP_PIN,
        "address": [line.strip() for line in settings.SHOP_ADDRESS.splitlines() if line.strip()],
        "phone": settings.SHOP_PHONE,
        "email": settings.SHOP_EMAIL,
    }


def buyer_of(order: Order) -> dict[str, Any]:
    """Return who buys: the recipient of the goods, else the account's name."""
    address = order.shipping_address
    name = str(address.get("recipient") or "") or (order.user.get_full_name() if order.user else "")
    return {
        "name": name,
        "pin": order.buyer_pin,
        "address": address_of(address),
        "phone": order.phone_number or str(address.get("phone_number") or ""),
        "email": order.email,
    }


def address_of(address: dict[str, Any]) -> list[str]:
    """Return the lines of an address as they are printed. Nairobi is town, county and sub-county at once: once."""
    lines = dict.fromkeys(str(address.get(name) or "").strip() for name in ADDRESS_LINES)
    country = str(address.get("country") or "KE")
    return [line for line in lines if line] + ([country] if country != "KE" else [])


def invoice_lines(order: Order, items: Sequence[OrderItem]) -> list[Line]:
    """Return the lines of an invoice: what was charged, and the shipping if it costs something."""
    items = [item for item in items if item.charged_quantity]  # some may have been cancelled before the payment
    charged = [item.price * item.charged_quantity - item.discount for item in items]
    shipping = order.shipping - order.shipping_discount
    taxes, rates = _taxes_of(order, items, [*charged, shipping])
    lines = [
        _line(
            amounts_of(amount, tax, included=order.prices_include_tax),
            name=item.product_name,
            sku=item.sku,
            options=[str(value) for value in item.options.values()],
            item_id=str(item.pk),
            item_class_code=item.product.item_class_code,
            quantity=item.charged_quantity,
            unit_price=str(item.price),
            discount=str(item.discount),
            tax_kind=item.tax_kind,
            tax_rate=rate,
        )
        for item, amount, tax, rate in zip(items, charged, taxes, rates, strict=False)  # shipping comes after them
    ]
    if order.shipping:
        lines.append(
            _line(
                amounts_of(shipping, taxes[-1], included=order.prices_include_tax),
                name=_shipping_name(order),
                quantity=1,
                unit_price=str(order.shipping),
                discount=str(order.shipping_discount),
                tax_kind=_shipping_rate(order).kind,
                tax_rate=rates[-1],
            )
        )
    return lines


def _line(amounts: dict[str, str], *, tax_kind: str, tax_rate: Decimal, **fields: Any) -> Line:
    about: Line = {"name": "", "sku": "", "options": [], "item_id": None, "item_class_code": ""}
    tax = {"tax_kind": str(tax_kind), "tax_letter": letter_of(tax_kind, tax_rate), "tax_rate": rate_text(tax_rate)}
    return about | fields | tax | amounts


def amounts_of(amount: Decimal, tax: Decimal, *, included: bool) -> dict[str, str]:
    """Return net, tax and gross of what costs ``amount``, with its tax ``included`` or on top."""
    net, gross = (amount - tax, amount) if included else (amount, amount + tax)
    return {"net": money_text(net), "tax": money_text(tax), "gross": money_text(gross)}


def sums_of(lines: Iterable[Line]) -> dict[str, Any]:
    """Return ``taxes`` and ``totals`` of a document's lines."""
    by_rate: dict[tuple[str, str, str], list[Decimal]] = {}
    for line in lines:
        sums = by_rate.setdefault((line["tax_letter"], line["tax_kind"], line["tax_rate"]), [ZERO, ZERO, ZERO])
        for index, name in enumerate(("net", "tax", "gross")):
            sums[index] += Decimal(line[name])
    taxes = [
        {
            "tax_letter": letter,
            "tax_kind": kind,
            "tax_rate": rate,
            "net": money_text(net),
            "tax": money_text(tax),
            "gross": money_text(gross),
        }
        for (letter, kind, rate), (net, tax, gross) in sorted(by_rate.items())
    ]
    totals = {name: money_text(sum((Decimal(tax[name]) for tax in taxes), ZERO)) for name in ("net", "tax", "gross")}
    return {"taxes": taxes, "totals": totals}


def money_text(amount: Decimal) -> str:
    return f"{amount:.2f}"


def rate_text(rate: Decimal) -> str:
    """Return a rate as a part of the net amount, with four places: 0.1600."""
    return f"{rate:.4f}"


def _shipping_rate(order: Order) -> TaxRate:
    """Return how an order's shipping is taxed; where nobody has noted it, by whether it bears tax."""
    noted = order.delivery.get("tax_kind")
    return tax_rate(TaxKind(noted) if noted else TaxKind.STANDARD if order.shipping_tax else TaxKind.EXEMPT)


def _shipping_name(order: Order) -> str:
    name = str(order.delivery.get("name") or "").strip()
    return f"Shipping: {name}" if name else "Shipping"


def _taxes_of(
    order: Order, items: Sequence[OrderItem], charged: Sequence[Decimal]
) -> tuple[list[Decimal], list[Decimal]]:
    """Return the tax and the rate of each line and, last, of the shipping.

    Orders that are older than the columns know their tax as one sum, at the standard rate: it is parted among them.
    """
    taxes = [*(item.tax for item in items), order.shipping_tax]
    rates = [*(item.tax_rate for item in items), _shipping_rate(order).rate]
    if sum(taxes, ZERO) == order.tax:
        return taxes, rates
    parts = allocate(minor(order.tax), [*(minor(amount) for amount in charged[:-1]), 0])  # they had no shipping
    return [major(part) for part in parts], [settings.VAT_RATE for _ in charged]
