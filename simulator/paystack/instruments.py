"""What customers pay with on Paystack's page, test cards first, and what comes of it."""

from dataclasses import dataclass
from typing import Any

# Source: Paystack documentation, Test payments.
MPESA_TEST_PHONE = "+254710000000"
SUCCESSFUL_PHONES = (MPESA_TEST_PHONE, "0551234987")
ORANGE_TEST_PHONE, ORANGE_OTP = "0700000000", "1234"
OTP = "123456"


@dataclass(frozen=True)
class Instrument:
    """``outcome`` is paid, failed, rejected (the money is sent back) or cancelled."""

    action: str
    label: str
    outcome: str
    channel: str
    gateway_response: str = "Approved"
    bin: str = ""
    last4: str = ""
    bank: str = ""
    brand: str = ""
    refund_fate: str = ""  # how a refund of it ends, where not well

    def authorization(self, code: str, country: str, account_name: str | None) -> dict[str, Any]:
        """Return the instrument in the form of ``data.authorization``."""
        card = self.channel == "card"
        return {
            "authorization_code": code,
            "bin": self.bin,
            "last4": self.last4,
            "exp_month": "12",
            "exp_year": "2030" if card else "9999",
            "channel": self.channel,
            "card_type": "visa " if card else "",
            "bank": self.bank,
            "country_code": country,
            "brand": self.brand,
            "reusable": card,
            "signature": f"SIG_{code[-12:]}" if card else None,
            "account_name": account_name,
        }


def _card(action: str, label: str, outcome: str, last4: str, response: str, *, fate: str = "") -> Instrument:
    return Instrument(action, label, outcome, "card", response, "408408", last4, "TEST BANK", "visa", refund_fate=fate)


def _mobile(action: str, label: str, outcome: str, response: str) -> Instrument:
    return Instrument(action, label, outcome, "mobile_money", response, "071XXX", "X000", "M-PESA", "M-pesa")


def _transfer(action: str, label: str, outcome: str, response: str) -> Instrument:
    return Instrument(
        action, label, outcome, "bank_transfer", response, "008XXX", "X553", "Example Bank", "Managed Account"
    )


CANCEL = Instrument("cancel", "Cancel and go back", "cancelled", "")
CONFIRM = _mobile("confirm", "Confirm the payment", "paid", "Approved")
NO_ANSWER = _mobile("no-answer", "", "failed", "The customer did not confirm in time")
WRONG_CODE = _mobile("wrong-code", "", "failed", "The code is wrong")
SAVED_CARD = _card("saved-card", "", "paid", "4081", "Approved")

_HOSTED = (
    _card("pay-card", "Pay by card 4084 0840 8408 4081", "paid", "4081", "Successful"),
    _mobile("pay-mpesa", "Pay by mobile money", "paid", "Approved"),
    _transfer("pay-bank-transfer", "Send the amount by bank transfer", "paid", "Approved"),
    _card("pay-card-refund-fails", "Card …1803: paid, a refund fails", "paid", "1803", "Successful", fate="failed"),
    _card(
        "pay-card-needs-attention",
        "Card …1902: paid, a refund needs attention",
        "paid",
        "1902",
        "Successful",
        fate="needs-attention",
    ),
    _card("decline-card", "Card 4084 0800 0000 5408: declined", "failed", "5408", "Declined"),
    _card("insufficient-funds", "Card …0037: insufficient funds", "failed", "0037", "Insufficient Funds"),
    _mobile("fail-mpesa", "Mobile money: wrong PIN", "failed", "Transaction was declined"),
    _transfer("wrong-bank-transfer", "Send a wrong amount by bank transfer", "rejected", "Incorrect amount sent"),
    CANCEL,
)
_ON_THE_PHONE = (
    CONFIRM,
    _mobile("decline", "Decline it on the phone", "failed", "Transaction was declined"),
    _mobile("insufficient-funds", "The balance is too low", "failed", "Insufficient Funds"),
)
_BY_TRANSFER = tuple(entry for entry in _HOSTED if entry.channel == "bank_transfer")

_ALL = {
    "hosted": _HOSTED,
    "pay_offline": _ON_THE_PHONE,
    "pending": _ON_THE_PHONE,
    "open_url": _ON_THE_PHONE,
    "pending_bank_transfer": _BY_TRANSFER,
}
_PAYING = {entry.action: entry for entry in (*_HOSTED, CONFIRM, SAVED_CARD) if entry.outcome == "paid"}
HOSTED_CHANNELS = ("card", "mobile_money", "bank_transfer")


def choices(step: str, channels: tuple[str, ...]) -> tuple[Instrument, ...]:
    """Return what the customer can do; on the hosted page what pays comes first, in the channels' order."""
    known = _ALL.get(step, ())
    if step != "hosted":
        return known
    places = {channel: place for place, channel in enumerate(channels)}
    wanted = [entry for entry in known if entry.channel in places]
    wanted.sort(key=lambda entry: (entry.outcome != "paid", entry.refund_fate != "", places[entry.channel]))
    return (*wanted, CANCEL)


def paying_instrument(action: str) -> Instrument:
    """Return the instrument that a paid transaction was paid with."""
    return _PAYING[action]
