"""How a try can end, in words that a shop and a customer understand, whatever the provider calls it."""

from dataclasses import dataclass
from enum import StrEnum


class Retry(StrEnum):
    """May the customer start a new attempt?"""

    NOW = "now"
    LATER = "later"  # after a pause
    NO = "no"  # it would fail the same way
    HOLD = "hold"  # not before the earlier one is settled


@dataclass(frozen=True)
class Outcome:
    name: str
    retry: Retry
    advice: str
    alert: bool = False  # the shop's own set-up is wrong, or a person must look
    pause: int = 0  # seconds before a new attempt, with ``Retry.LATER``


PAID = Outcome("paid", Retry.NO, "Your payment has arrived. Thank you!")
WAITING = Outcome("waiting", Retry.HOLD, "Check your phone and enter your PIN.")
UNKNOWN = Outcome("unknown", Retry.HOLD, "We are checking with the provider. Please do not pay again yet.", alert=True)
REVIEW = Outcome("review", Retry.HOLD, "Your payment needs a look by our staff. Please do not pay again.", alert=True)
UNDERPAID = Outcome(
    "underpaid", Retry.HOLD, "Less arrived than the order costs. Our staff will contact you.", alert=True
)
OVERPAID = Outcome("overpaid", Retry.HOLD, "More arrived than the order costs. Our staff will contact you.", alert=True)
REVERSED = Outcome("reversed", Retry.NO, "The payment was taken back. Please contact us.", alert=True)
SUPERSEDED = Outcome("superseded", Retry.NOW, "You chose another way of paying.")
ORDER_CANCELLED = Outcome("order_cancelled", Retry.NO, "The order was cancelled. Please do not pay it any more.")
CLOSED_BY_STAFF = Outcome("closed_by_staff", Retry.NOW, "Our staff have looked at this payment. You can try again.")

INSUFFICIENT_FUNDS = Outcome("insufficient_funds", Retry.NOW, "Your balance is too low. Top up and try again.")
CANCELLED = Outcome("cancelled_by_customer", Retry.NOW, "You cancelled the payment. You can try again.")
NOT_REACHED = Outcome(
    "phone_not_reached",
    Retry.NOW,
    "Your phone was not reached or did not answer. Check that it is on, keep it in hand and try again.",
)
EXPIRED = Outcome("expired", Retry.NOW, "The request expired. You can try again.")
WRONG_PIN = Outcome("wrong_pin", Retry.NOW, "The PIN was wrong. You can try again.")
PIN_LOCKED = Outcome("pin_locked", Retry.NO, "Your M-PESA PIN is locked. Call Safaricom on 100 or 200.")
ABOVE_LIMIT = Outcome("above_limit", Retry.NO, "The amount is above what M-PESA takes at once. Choose another way.")
DAILY_LIMIT = Outcome(
    "daily_limit", Retry.NO, "Your daily M-PESA limit is reached. Try tomorrow or choose another way."
)
TOO_SMALL = Outcome("below_minimum", Retry.NO, "The amount is below what M-PESA takes.", alert=True)
REPEATED = Outcome(
    "repeated_too_soon",
    Retry.LATER,
    "The same amount was just requested. Wait two minutes and check your messages.",
    pause=120,
)
PHONE_BUSY = Outcome(
    "phone_busy",
    Retry.LATER,
    "Another M-PESA request is open on your phone. Finish it, wait a minute, try again.",
    pause=60,
)
BUSY = Outcome("provider_busy", Retry.LATER, "M-PESA is busy. Try again in a minute.", pause=60)
REFUSED_PHONE = Outcome("phone_refused", Retry.NOW, "M-PESA does not know this phone number. Check it and try again.")
MISCONFIGURED = Outcome(
    "misconfigured", Retry.NO, "This way of paying does not work at the moment. Choose another way.", alert=True
)
NOT_SENT = Outcome("not_sent", Retry.NOW, "The request could not be sent. You can try again.")

# On a page of the provider's, where the customer may go on after most of these, or leave it for another way.
WAITING_ON_PAGE = Outcome("waiting_on_page", Retry.NOW, "Finish the payment on the page that opened.")
CARD_DECLINED = Outcome("card_declined", Retry.NOW, "The card was declined. Try another card.")
CARD_DETAILS = Outcome(
    "card_details_wrong", Retry.NOW, "Check the card's number, expiry date and security code, then try again."
)
NOT_AUTHENTICATED = Outcome(
    "not_authenticated", Retry.NOW, "The bank did not confirm the payment. Try again or use another card."
)
INSTRUMENT_DECLINED = Outcome(
    "instrument_declined", Retry.NOW, "That way of paying was declined. Go back to the payment page and choose another."
)
GO_BACK_TO_PAGE = Outcome("action_needed", Retry.NOW, "One more step is needed: go back to the payment page.")
PROVIDER_CHECKS = Outcome(
    "provider_checks", Retry.HOLD, "The provider is checking the payment. Please do not pay again."
)
DECLINED = Outcome("declined", Retry.NOW, "The payment was declined. Try again or choose another way.")
AMOUNT_REFUSED = Outcome("amount_refused", Retry.NO, "This amount cannot be paid this way. Choose another way.")
PAGE_LOST = Outcome("page_lost", Retry.NOW, "The payment page could not be opened. You can try again.")
SERVICE_BUSY = Outcome("service_busy", Retry.LATER, "The payment service is busy. Try again in a minute.", pause=60)
REFUSED = Outcome(
    "refused_by_provider", Retry.NO, "The payment service refused the request. Choose another way.", alert=True
)
EMAIL_NEEDED = Outcome("email_needed", Retry.NO, "This way of paying needs an e-mail address that works.")
AWAITING_MONEY = Outcome("awaiting_money", Retry.NOW, "We confirm your payment as soon as the money is here.")

BY_NAME = {
    outcome.name: outcome
    for outcome in (
        PAID,
        WAITING,
        UNKNOWN,
        REVIEW,
        UNDERPAID,
        OVERPAID,
        REVERSED,
        SUPERSEDED,
        ORDER_CANCELLED,
        CLOSED_BY_STAFF,
        INSUFFICIENT_FUNDS,
        CANCELLED,
        NOT_REACHED,
        EXPIRED,
        WRONG_PIN,
        PIN_LOCKED,
        ABOVE_LIMIT,
        DAILY_LIMIT,
        TOO_SMALL,
        REPEATED,
        PHONE_BUSY,
        BUSY,
        REFUSED_PHONE,
        MISCONFIGURED,
        NOT_SENT,
        WAITING_ON_PAGE,
        CARD_DECLINED,
        CARD_DETAILS,
        NOT_AUTHENTICATED,
        INSTRUMENT_DECLINED,
        GO_BACK_TO_PAGE,
        PROVIDER_CHECKS,
        DECLINED,
        AMOUNT_REFUSED,
        PAGE_LOST,
        SERVICE_BUSY,
        REFUSED,
        EMAIL_NEEDED,
        AWAITING_MONEY,
    )
}
