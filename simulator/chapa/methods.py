"""What customers pay with on Chapa's page, and what comes of it."""

from dataclasses import dataclass

MOST_TRIES = 10


@dataclass(frozen=True)
class Method:
    """``outcome`` is paid, failed or cancelled. The numbers are those that Chapa's documentation lists for tests."""

    action: str
    label: str
    outcome: str
    name: str


METHODS = (
    Method("pay-telebirr", "telebirr, 0900 123 456", "paid", "telebirr"),
    Method("pay-cbebirr", "CBE Birr, 0900 112 233", "paid", "cbebirr"),
    Method("pay-mpesa", "M-Pesa, 0700 123 456", "paid", "mpesa"),
    Method("pay-card", "Card", "paid", "card"),
    Method("fail-telebirr", "telebirr, any other number: fails", "failed", "telebirr"),
    Method("fail-card", "Card: declined", "failed", "card"),
    Method("cancel", "Cancel and go back", "cancelled", ""),
)
TELEBIRR = METHODS[0]
