"""Payment intents and charges as Stripe writes them, with every field that its clients count on."""

import time
from typing import Any

from simulator.documents import Document
from simulator.stripe.cards import billing_details
from simulator.stripe.identifiers import new_client_secret, new_id

STATEMENT_DESCRIPTOR = "BYTEMTAANI"


def payment_intent(wanted: Document, *, livemode: bool) -> Document:
    """Return a new intent; ``wanted`` has its amount and currency, and whatever differs from the usual."""
    intent_id = new_id("pi")
    return {
        "id": intent_id,
        "object": "payment_intent",
        "allowed_payment_method_types": None,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": new_client_secret(intent_id),
        "confirmation_method": "automatic",
        "created": int(time.time()),
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": livemode,
        "managed_payments": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card"],
        "payment_record": None,
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
        **wanted,
    }


def charge(intent: Document, method: Document, *, status: str) -> Document:
    """Return the charge of a try to pay. ``status`` is succeeded, pending or failed."""
    kept = status != "failed"
    captured = kept and intent["capture_method"] != "manual"
    charge_id = new_id("ch" if method["type"] == "card" else "py")
    return {
        "id": charge_id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if captured and status == "succeeded" else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": intent["application_fee_amount"],
        "balance_transaction": None,
        "billing_details": method["billing_details"] or billing_details(),
        "calculated_statement_descriptor": STATEMENT_DESCRIPTOR,
        "captured": captured,
        "created": int(time.time()),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": intent["livemode"],
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": intent["on_behalf_of"],
        "outcome": _outcome(status),
        "paid": status == "succeeded",
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _method_details(intent, method, kept=kept),
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": f"https://pay.stripe.com/receipts/payment/{charge_id}" if kept else None,
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": status,
        "transfer_data": intent["transfer_data"],
        "transfer_group": intent["transfer_group"],
    }


def _outcome(status: str) -> dict[str, Any]:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": {"failed": "declined_by_network"}.get(status, "approved_by_network"),
        "reason": None,
        "risk_level": "normal",
        "risk_score": 12,
        "seller_message": {"failed": "The bank declined the payment."}.get(status, "Payment complete."),
        "type": {"failed": "issuer_declined"}.get(status, "authorized"),
    }


def _method_details(intent: Document, method: Document, *, kept: bool) -> dict[str, Any]:
    if method["type"] != "card":
        details = {key: method["sepa_debit"][key] for key in ("bank_code", "branch_code", "country", "last4")}
        return {"sepa_debit": {**details, "fingerprint": None, "mandate": None}, "type": "sepa_debit"}
    card = method["card"]
    return {
        "card": {
            **{key: card[key] for key in ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint")},
            **{key: card[key] for key in ("funding", "last4", "regulated_status", "wallet")},
            "amount_authorized": intent["amount"] if kept else None,
            "authorization_code": "123456" if kept else None,
            "electronic_commerce_indicator": None,
            "extended_authorization": {"status": "disabled"},
            "incremental_authorization": {"status": "unavailable"},
            "installments": None,
            "mandate": None,
            "multicapture": {"status": "unavailable"},
            "network": card["brand"],
            "network_token": {"used": False},
            "network_transaction_id": None,
            "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
            "three_d_secure": None,
            "transaction_link_id": None,
        },
        "type": "card",
    }


def three_d_secure(result: str) -> dict[str, Any]:
    """Return what a charge's card details say of an authentication: authenticated or failed."""
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05" if result == "authenticated" else None,
        "exemption_indicator": None,
        "result": result,
        "result_reason": None,
        "transaction_id": new_id("tds"),
        "version": "2.2.0",
    }
