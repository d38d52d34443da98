"""Checking what a merchant sends, field by field, as strictly as PayPal documents it."""

import re
from decimal import Decimal
from typing import Any

from simulator.paypal.errors import PayPalError, issue
from simulator.paypal.money import CURRENCIES, LARGEST, money, places, smallest_unit

REFERENCE_LENGTH = 256
TEXT_LENGTH = 127
NOTE_LENGTH = 255
URL_LENGTH = 4000
MOST_UNITS = 10
AMOUNT_LENGTH = 32
_PARTS = ("item_total", "tax_total", "shipping", "handling", "insurance")
_DISCOUNTS = ("shipping_discount", "discount")
_CONTEXT_CHOICES = {
    "user_action": ("PAY_NOW", "CONTINUE"),
    "shipping_preference": ("NO_SHIPPING", "GET_FROM_FILE", "SET_PROVIDED_ADDRESS"),
    "landing_page": ("LOGIN", "GUEST_CHECKOUT", "NO_PREFERENCE", "BILLING"),
    "payment_method_preference": ("UNRESTRICTED", "IMMEDIATE_PAYMENT_REQUIRED"),
}


def missing(field: str) -> PayPalError:
    return issue("MISSING_REQUIRED_PARAMETER", field=field)


def read_text(body: dict[str, Any], name: str, path: str, longest: int = TEXT_LENGTH, *, required: bool = False) -> str:
    """Return a text, empty when there is none. Raises: PayPalError."""
    value = body.get(name)
    field = f"{path}/{name}"
    if value is None:
        if required:
            raise missing(field)
        return ""
    if not isinstance(value, str):
        raise issue("INVALID_PARAMETER_SYNTAX", field=field)
    if not 1 <= len(value) <= longest:
        raise issue("INVALID_STRING_LENGTH", field=field, value=value)
    return value


def read_object(body: dict[str, Any], name: str, path: str) -> dict[str, Any] | None:
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise issue("INVALID_PARAMETER_SYNTAX", field=f"{path}/{name}")
    return value


def read_choice(body: dict[str, Any], name: str, path: str, options: tuple[str, ...]) -> str:
    value = read_text(body, name, path)
    if value and value not in options:
        raise issue("INVALID_PARAMETER_VALUE", field=f"{path}/{name}", value=value)
    return value


def read_money(body: dict[str, Any], path: str, *, key: str = "currency_code", may_be_zero: bool = False) -> Decimal:
    """Return an amount of money. Its currency is under ``key``. Raises: PayPalError."""
    currency = read_text(body, key, path, required=True)
    value = read_text(body, "value", path, AMOUNT_LENGTH, required=True)
    field = f"{path}/value"
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise issue("INVALID_CURRENCY_CODE", field=f"{path}/{key}", value=currency)
    if currency not in CURRENCIES:
        raise issue("CURRENCY_NOT_SUPPORTED", field=f"{path}/{key}", value=currency)
    if not re.fullmatch(r"-?([0-9]+|[0-9]*\.[0-9]+)", value):
        raise issue("INVALID_PARAMETER_SYNTAX", field=field, value=value)
    decimals = len(value.partition(".")[2])
    if decimals and not places(currency):
        raise issue("DECIMALS_NOT_SUPPORTED", field=field, value=value)
    if decimals > 2:
        raise issue("DECIMAL_PRECISION", field=field, value=value)
    amount = Decimal(value).quantize(smallest_unit(currency))
    if amount < 0 or (amount == 0 and not may_be_zero):
        raise issue("CANNOT_BE_ZERO_OR_NEGATIVE", field=field, value=value)
    if amount > LARGEST:
        raise issue("MAX_VALUE_EXCEEDED", field=field, value=value)
    return amount


def read_units(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the purchase units of an order, their amounts with all decimals. Raises: PayPalError."""
    if body.get("intent") is None:
        raise missing("/intent")
    if read_choice(body, "intent", "", ("CAPTURE", "AUTHORIZE")) == "AUTHORIZE":
        raise issue("UNSUPPORTED_INTENT", field="/intent", value="AUTHORIZE")
    units = body.get("purchase_units")
    if units is None:
        raise missing("/purchase_units")
    if not isinstance(units, list) or not 1 <= len(units) <= MOST_UNITS:
        raise issue("INVALID_PARAMETER_SYNTAX", field="/purchase_units")
    read = [_read_unit(unit, f"/purchase_units/{number}") for number, unit in enumerate(units)]
    if len({unit["reference_id"] for unit in read}) < len(read):
        raise issue("DUPLICATE_REFERENCE_ID", field="/purchase_units")
    if len({unit["amount"]["currency_code"] for unit in read}) > 1:
        raise issue("MULTI_CURRENCY_ORDER", field="/purchase_units")
    return read


def _read_unit(unit: Any, path: str) -> dict[str, Any]:
    if not isinstance(unit, dict):
        raise issue("INVALID_PARAMETER_SYNTAX", field=path)
    read: dict[str, Any] = {
        "reference_id": read_text(unit, "reference_id", path, REFERENCE_LENGTH) or "default",
        **{name: text for name in ("description", "custom_id", "invoice_id") if (text := read_text(unit, name, path))},
    }
    if soft_descriptor := read_text(unit, "soft_descriptor", path, 22):
        read["soft_descriptor"] = soft_descriptor
    amount = read_object(unit, "amount", path)
    if amount is None:
        raise missing(f"{path}/amount")
    value = read_money(amount, f"{path}/amount")
    currency = amount["currency_code"]
    read["amount"] = money(value, currency)
    breakdown = read_object(amount, "breakdown", f"{path}/amount")
    if breakdown:
        _check_breakdown(breakdown, value, f"{path}/amount/breakdown")
        read["amount"] = {**money(value, currency), "breakdown": breakdown}
    items = unit.get("items")
    if items is not None:
        _check_items(items, breakdown or {}, path)
        read["items"] = items
    if shipping := read_object(unit, "shipping", path):
        read["shipping"] = shipping
    return read


def _check_breakdown(breakdown: dict[str, Any], total: Decimal, path: str) -> None:
    parts = {
        name: read_money(part, f"{path}/{name}", may_be_zero=True)
        for name in (*_PARTS, *_DISCOUNTS)
        if (part := read_object(breakdown, name, path))
    }
    added = sum((parts.get(name, Decimal(0)) for name in _PARTS), Decimal(0))
    taken_off = sum((parts.get(name, Decimal(0)) for name in _DISCOUNTS), Decimal(0))
    if added - taken_off != total:
        raise issue("AMOUNT_MISMATCH", field=path.removesuffix("/breakdown") + "/value", value=str(total))


def _check_items(items: Any, breakdown: dict[str, Any], path: str) -> None:
    if not isinstance(items, list) or any(not isinstance(item, dict) for item in items):
        raise issue("INVALID_PARAMETER_SYNTAX", field=f"{path}/items")
    total = Decimal(0)
    for number, item in enumerate(items):
        own = f"{path}/items/{number}"
        read_text(item, "name", own, required=True)
        quantity = read_text(item, "quantity", own, 10, required=True)
        if not re.fullmatch(r"[1-9][0-9]{0,9}", quantity):
            raise issue("INVALID_PARAMETER_SYNTAX", field=f"{own}/quantity", value=quantity)
        unit_amount = read_object(item, "unit_amount", own)
        if unit_amount is None:
            raise missing(f"{own}/unit_amount")
        total += read_money(unit_amount, f"{own}/unit_amount", may_be_zero=True) * int(quantity)
    item_total = read_object(breakdown, "item_total", f"{path}/amount/breakdown")
    if items and item_total is None:
        raise issue("ITEM_TOTAL_REQUIRED", field=f"{path}/amount/breakdown/item_total")
    if item_total is not None and read_money(item_total, f"{path}/amount/breakdown/item_total") != total:
        raise issue("ITEM_TOTAL_MISMATCH", field=f"{path}/amount/breakdown/item_total/value", value=item_total["value"])


def read_context(body: dict[str, Any]) -> dict[str, str]:
    """Return where the payer goes afterwards, and the brand: from the payment source or from the old place of it.

    Raises:
        PayPalError: a setting is unknown, or an address is none.
    """
    source = read_object(body, "payment_source", "") or {}
    path = "/payment_source/paypal/experience_context"
    if set(source) - {"paypal"}:
        raise issue("PAYMENT_SOURCE_CANNOT_BE_USED", field="/payment_source")
    wallet = read_object(source, "paypal", "/payment_source") or {}
    context = read_object(wallet, "experience_context", "/payment_source/paypal")
    if context is None:
        path = "/application_context"
        context = read_object(body, "application_context", "") or {}
    for name, options in _CONTEXT_CHOICES.items():
        read_choice(context, name, path, options)
    read = {name: read_text(context, name, path, URL_LENGTH) for name in ("return_url", "cancel_url")}
    for name, url in read.items():
        if url and not re.fullmatch(r"https?://[!-~]+", url):
            raise issue("INVALID_PARAMETER_SYNTAX", field=f"{path}/{name}", value=url)
    read["brand"] = read_text(context, "brand_name", path)
    return read


def read_refund(body: dict[str, Any]) -> dict[str, Any]:
    """Return what a refund says: an amount, ids, a note; all of it may be left out. Raises: PayPalError."""
    read: dict[str, Any] = {
        name: text
        for name, longest in (("invoice_id", TEXT_LENGTH), ("custom_id", TEXT_LENGTH), ("note_to_payer", NOTE_LENGTH))
        if (text := read_text(body, name, "", longest))
    }
    amount = read_object(body, "amount", "")
    if amount is not None:
        read["amount"] = money(read_money(amount, "/amount"), amount["currency_code"])
    return read
