"""Transactions in the forms in which Paystack's API and its webhooks show them."""

import json
from typing import Any

from simulator.clock import iso_utc
from simulator.faults import Fault
from simulator.paystack.instruments import paying_instrument
from simulator.paystack.models import Transaction
from simulator.paystack.wire import Fields

INTEGRATION = 412_000
COUNTRIES = {"KES": "KE", "NGN": "NG", "GHS": "GH", "ZAR": "ZA", "XOF": "CI", "USD": "KE"}
_NETWORKS = {
    "mpesa": ("M-PESA", "M-pesa"),
    "mpesa_offline": ("M-PESA", "M-pesa"),
    "mptill": ("M-PESA", "M-pesa"),
    "atl": ("Airtel Money", "Airtel"),
    "mtn": ("MTN", "Mtn"),
    "vod": ("Telecel", "Telecel"),
    "orange": ("Orange", "Orange"),
    "wave": ("Wave", "Wave"),
}
_NAME, _NON_ASCII_NAME = "AMINA OTIENO", "ÀMÎNA ÒTIÉNO ንጋት"


def transaction_data(transaction: Transaction, customer: Fields, domain: str) -> Fields:
    """Return ``data`` as verify has it."""
    paid_at, created_at = iso_utc(transaction.paid_at), iso_utc(transaction.created_at)
    return {
        "id": transaction.id,
        "domain": domain,
        "status": transaction.status,
        "reference": transaction.reference,
        "receipt_number": None,
        "amount": transaction.amount,
        "message": transaction.message or None,
        "gateway_response": transaction.gateway_response,
        "paid_at": paid_at,
        "created_at": created_at,
        "channel": transaction.channel,
        "currency": transaction.currency,
        "ip_address": transaction.ip_address,
        "metadata": _metadata(transaction),
        "log": None,
        "fees": transaction.fees,
        "fees_split": None,
        "authorization": authorization_data(transaction),
        "customer": {**customer, "international_format_phone": None},
        "plan": None,
        "split": {},
        "order_id": None,
        "paidAt": paid_at,
        "createdAt": created_at,
        "requested_amount": transaction.requested,
        "pos_transaction_data": None,
        "source": None,
        "fees_breakdown": None,
        "connect": None,
        "transaction_date": created_at,
        "plan_object": {},
        "subaccount": {},
    }


def charge_success_data(transaction: Transaction, customer: Fields, domain: str) -> Fields:
    """Return ``data`` as ``charge.success`` has it: fewer fields, empty metadata as text, several addresses."""
    data = transaction_data(transaction, customer, domain)
    mobile = transaction.channel == "mobile_money"
    names = _person(transaction) if mobile else (None, None)
    return {
        "id": data["id"],
        "domain": data["domain"],
        "status": "success",
        "reference": data["reference"],
        "amount": data["amount"],
        "message": "madePayment" if mobile else data["message"],
        "gateway_response": data["gateway_response"],
        "paid_at": data["paid_at"],
        "created_at": data["created_at"],
        "channel": data["channel"],
        "currency": data["currency"],
        "ip_address": f"{data['ip_address']}, 198.51.100.4" if mobile else data["ip_address"],
        "metadata": data["metadata"],
        "log": None,
        "fees": data["fees"],
        "fees_split": None,
        "authorization": data["authorization"],
        "customer": {
            **customer,
            "first_name": names[0],
            "last_name": names[1],
            "phone": customer["phone"] or "",
        },
        "plan": {},
        "subaccount": {},
        "paidAt": data["paid_at"],
    }


def _person(transaction: Transaction) -> tuple[str, str]:
    first, last = account_name(transaction).split()[:2]
    return first.capitalize(), last.capitalize()


def account_name(transaction: Transaction) -> str:
    return _NON_ASCII_NAME if transaction.fault("paystack_non_ascii_name") else _NAME


def authorization_data(transaction: Transaction) -> Fields:
    """Return what was paid with, an empty object before that."""
    if not transaction.instrument:
        return {}
    instrument = paying_instrument(transaction.instrument)
    mobile = transaction.channel == "mobile_money"
    data = instrument.authorization(
        transaction.authorization_code,
        COUNTRIES[transaction.currency],
        account_name(transaction) if mobile else None,
    )
    data["channel"] = transaction.channel
    if mobile:
        data["bank"], data["brand"] = _NETWORKS[transaction.details.get("provider", "mpesa")]
    return data


def _metadata(transaction: Transaction) -> Any:
    quirks: dict[str, Any] = {"empty": "", "zero": 0, "null": None}
    for name, value in quirks.items():
        if transaction.fault(f"paystack_metadata_{name}"):
            return value
    if transaction.fault("paystack_metadata_text"):
        return json.dumps(transaction.metadata)
    return transaction.metadata


def altered(data: Fields, prefix: str, faults: dict[str, Fault]) -> Fields:
    """Return data with what faults such as ``…_wrong_amount`` make of it; ``prefix`` is that of their names."""
    changed = dict(data)
    if wrong := faults.get(f"{prefix}_wrong_amount"):
        changed["amount"] = wrong.parameters["amount"] or _off_by_one_unit(data["amount"])
    if wrong := faults.get(f"{prefix}_wrong_currency"):
        changed["currency"] = wrong.parameters["currency"]
    if f"{prefix}_wrong_mode" in faults:
        changed["domain"] = "test" if data["domain"] == "live" else "live"
    if wrong := faults.get(f"{prefix}_foreign_reference"):
        changed["reference"] = wrong.parameters["reference"]
    if f"{prefix}_amount_as_text" in faults:
        changed["amount"] = str(changed["amount"])
    return changed


def _off_by_one_unit(amount: int) -> int:
    return amount - 100 if amount > 100 else amount + 100
