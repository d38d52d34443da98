"""Payments in the forms in which Chapa's API and its webhooks show them."""

from zlib import crc32

from simulator.chapa import money
from simulator.chapa.identifiers import moment
from simulator.chapa.models import Payment
from simulator.chapa.wire import Fields
from simulator.faults import Fault

_NON_ASCII = {"first_name": "አበበ", "last_name": "ቢቂላ–Ñandú"}
OTHER_MODE = {"test": "live", "live": "test"}


def verify_data(payment: Payment, mode: str) -> Fields:
    """Return ``data`` as verify has it: amounts are numbers."""
    return {
        **_names(payment),
        "email": payment.payer["email"],
        "currency": payment.currency,
        "amount": money.number(payment.amount),
        "charge": (payment.charge or 0) / 100,
        "mode": mode,
        "method": payment.method,
        "type": "API",
        "status": payment.status,
        "reference": payment.reference,
        "tx_ref": payment.tx_ref,
        "customization": payment.customization,
        "meta": payment.meta,
        "created_at": moment(payment.created_at),
        "updated_at": moment(payment.updated_at),
    }


def event_data(payment: Payment, event: str, status: str, mode: str) -> Fields:
    """Return a webhook's body: flat, amounts are text."""
    return {
        "event": event,
        "type": "API",
        **_names(payment),
        "email": payment.payer["email"],
        "mobile": _masked(payment.payer["phone_number"] or "0900123456"),
        "currency": payment.currency,
        "amount": money.text(payment.amount),
        "charge": money.text(payment.charge or 0),
        "status": status,
        "mode": mode,
        "reference": payment.reference,
        "tx_ref": payment.tx_ref,
        "payment_method": payment.method,
        "customization": payment.customization,
        "meta": payment.meta,
        "created_at": moment(payment.created_at),
        "updated_at": moment(payment.updated_at),
    }


def listed(payment: Payment) -> Fields:
    """Return a payment as ``GET /v1/transactions`` has it."""
    return {
        "status": payment.status or "pending",
        "ref_id": payment.reference,
        "type": "API",
        "created_at": moment(payment.created_at),
        "currency": payment.currency,
        "amount": money.text(payment.amount),
        "charge": money.text(payment.charge or 0),
        "trans_id": payment.tx_ref,
        "payment_method": payment.method or None,
        "customer": {
            "id": crc32((payment.payer["email"] or payment.tx_ref).encode()),
            "email": payment.payer["email"],
            **_names(payment),
            "mobile": payment.payer["phone_number"],
        },
    }


def _names(payment: Payment) -> dict[str, str | None]:
    if payment.fault("chapa_non_ascii_name"):
        return dict(_NON_ASCII)
    return {"first_name": payment.payer["first_name"], "last_name": payment.payer["last_name"]}


def _masked(phone: str) -> str:
    """Write 0912345678 as 25191XXXX678."""
    return f"251{phone[1:3]}XXXX{phone[-3:]}"


def altered(data: Fields, prefix: str, faults: dict[str, Fault]) -> Fields:
    """Return data with what faults such as ``…_wrong_amount`` make of it; ``prefix`` is that of their names."""
    changed = dict(data)
    if wrong := faults.get(f"{prefix}_wrong_amount"):
        changed["amount"] = _like(data["amount"], wrong.parameters["amount"])
    if wrong := faults.get(f"{prefix}_wrong_currency"):
        changed["currency"] = wrong.parameters["currency"]
    if f"{prefix}_wrong_mode" in faults:
        changed["mode"] = OTHER_MODE[data["mode"]]
    if wrong := faults.get(f"{prefix}_foreign_reference"):
        changed["tx_ref"] = wrong.parameters["reference"]
    if wrong := faults.get(f"{prefix}_other_type"):
        changed["type"] = wrong.parameters["type"]
    for name in ("amount", "charge"):
        if f"{prefix}_amount_as_text" in faults:
            changed[name] = f"{changed[name]:.2f}"
        if f"{prefix}_amount_as_number" in faults:
            changed[name] = money.number(round(float(changed[name]) * 100))
    return changed


def _like(amount: str | float, hundredths: int | None) -> str | float:
    """Return another amount in the form of this one: the hundredths given, or one unit off."""
    if hundredths is None:
        right = round(float(amount) * 100)
        hundredths = right - 100 if right > 100 else right + 100
    return money.text(hundredths) if isinstance(amount, str) else money.number(hundredths)
