"""Test cards. Source: Stripe documentation, Testing."""

import time
from dataclasses import dataclass
from typing import Any

from simulator.documents import Document
from simulator.stripe.identifiers import new_fingerprint, new_id


@dataclass(frozen=True)
class Decline:
    code: str
    decline_code: str | None
    message: str


@dataclass(frozen=True)
class Card:
    """A test card by the name of its payment method, without ``pm_card_``."""

    name: str
    number: str
    brand: str = "visa"
    decline: Decline | None = None
    needs_action: bool = False
    disputed: bool = False
    refund: str = ""  # "fails" or "pending"


_GENERIC = Decline("card_declined", "generic_decline", "Your card was declined.")
_CARDS = (
    Card("visa", "4242424242424242"),
    Card("visa_debit", "4000056655665556"),
    Card("bypassPending", "4000000000000077"),
    Card("mastercard", "5555555555554444", "mastercard"),
    Card("amex", "378282246310005", "amex"),
    Card("chargeDeclined", "4000000000000002", decline=_GENERIC),
    Card(
        "chargeDeclinedInsufficientFunds",
        "4000000000009995",
        decline=Decline("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    ),
    Card(
        "chargeDeclinedLostCard",
        "4000000000009987",
        decline=Decline("card_declined", "lost_card", "Your card was declined."),
    ),
    Card(
        "chargeDeclinedStolenCard",
        "4000000000009979",
        decline=Decline("card_declined", "stolen_card", "Your card was declined."),
    ),
    Card(
        "chargeDeclinedExpiredCard", "4000000000000069", decline=Decline("expired_card", None, "Your card has expired.")
    ),
    Card(
        "chargeDeclinedIncorrectCvc",
        "4000000000000127",
        decline=Decline("incorrect_cvc", None, "Your card's security code is incorrect."),
    ),
    Card(
        "chargeDeclinedProcessingError",
        "4000000000000119",
        decline=Decline(
            "processing_error", None, "An error occurred while processing your card. Try again in a little bit."
        ),
    ),
    Card("chargeCustomerFail", "4000000000000341", decline=_GENERIC),
    Card("authenticationRequired", "4000002500003155", needs_action=True),
    Card("threeDSecure2Required", "4000000000003220", needs_action=True),
    Card("createDispute", "4000000000000259", disputed=True),
    Card("refundFail", "4000000000005126", refund="fails"),
    Card("pendingRefund", "4000000000007726", refund="pending"),
)
VISA = _CARDS[0]
_BY_NAME = {card.name.lower(): card for card in _CARDS}
_BY_NUMBER = {card.number: card for card in _CARDS}


def card_named(name: str) -> Card:
    return _BY_NAME[name.lower()]


def card_of_method(method_id: str) -> Card | None:
    """Return the card of a test payment method: ``pm_card_chargeDeclined`` and ``pm_card_visa_chargeDeclined``."""
    name = method_id.removeprefix("pm_card_").lower()
    if name == method_id.lower():
        return None
    return _BY_NAME.get(name) or _BY_NAME.get(name.removeprefix("visa_"))


def card_of_token(token: str) -> Card | None:
    return _BY_NAME.get(token.removeprefix("tok_").lower()) if token.startswith("tok_") else None


def card_of_number(number: str) -> Card | None:
    return _BY_NUMBER.get(number.replace(" ", "").replace("-", ""))


def payment_method(card: Card, *, livemode: bool, email: str | None = None) -> Document:
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(email),
        "card": {
            "brand": card.brand,
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "country": "US",
            "display_brand": "american_express" if card.brand == "amex" else card.brand,
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": new_fingerprint(),
            "funding": "debit" if card.name.endswith("debit") else "credit",
            "generated_from": None,
            "last4": card.number[-4:],
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": int(time.time()),
        "customer": None,
        "customer_account": None,
        "livemode": livemode,
        "metadata": {},
        "type": "card",
    }


def bank_debit(*, livemode: bool, email: str | None = None) -> Document:
    """Return a payment method whose money comes days later."""
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(email),
        "created": int(time.time()),
        "customer": None,
        "customer_account": None,
        "livemode": livemode,
        "metadata": {},
        "sepa_debit": {
            "bank_code": "37040044",
            "branch_code": "",
            "country": "DE",
            "fingerprint": new_fingerprint(),
            "generated_from": {"charge": None, "setup_attempt": None},
            "last4": "3000",
        },
        "type": "sepa_debit",
    }


def billing_details(email: str | None = None) -> dict[str, Any]:
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return {"address": address, "email": email, "name": None, "phone": None, "tax_id": None}
