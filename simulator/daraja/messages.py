"""The texts that a customer reads: the prompt and the SMS."""

from simulator.clock import nairobi
from simulator.daraja import results
from simulator.daraja.validation import BUY_GOODS

# A longer prompt cannot be shown: result 1025.
PROMPT_LENGTH = 182


def prompt_text(*, amount: int, merchant: str, transaction_type: str, party_b: str, reference: str) -> str:
    target = f"Till no. {party_b}" if transaction_type == BUY_GOODS else f"Account no. {reference}"
    return f"Do you want to pay KSH {amount:,} to {merchant} {target}? Enter M-PESA PIN"


def receipt_text(
    *,
    receipt_number: str,
    amount: int,
    merchant: str,
    transaction_type: str,
    reference: str,
    moment: float,
    balance: int,
) -> str:
    paid = f"paid to {merchant}" if transaction_type == BUY_GOODS else f"sent to {merchant} for account {reference}"
    return (
        f"{receipt_number} Confirmed. Ksh{amount:,}.00 {paid}"
        f" on {_day_and_time(moment)}. "
        f"New M-PESA balance is Ksh{balance:,}.00. Transaction cost, Ksh0.00."
    )


def received_text(*, receipt_number: str, amount: int, sender: str, moment: float, balance: int) -> str:
    return (
        f"{receipt_number} Confirmed. You have received Ksh{amount:,}.00 from {sender}"
        f" on {_day_and_time(moment)}. New M-PESA balance is Ksh{balance:,}.00."
    )


def reversed_text(*, receipt_number: str, original: str, amount: int, moment: float, balance: int) -> str:
    return (
        f"{receipt_number} Confirmed. Reversal of transaction {original} has been successfully reversed"
        f" on {_day_and_time(moment)} and Ksh{amount:,}.00 is credited to your M-PESA account."
        f" New M-PESA balance is Ksh{balance:,}.00."
    )


def _day_and_time(moment: float) -> str:
    when = nairobi(moment)
    return f"{when.day}/{when.month}/{when:%y} at {when.hour % 12 or 12}:{when:%M %p}"


def failure_text(code: str, *, amount: int, merchant: str, balance: int, tries_left: int) -> str:
    payment = f"Ksh{amount:,}.00 to {merchant}"
    if code == results.BALANCE_SHORT:
        return f"Failed. You do not have enough money to pay {payment}. Your balance is Ksh{balance:,}.00."
    if code == results.WRONG_PIN:
        left = f"You have {tries_left} {'try' if tries_left == 1 else 'tries'} left." if tries_left else _LOCKED
        return f"Failed. You entered a wrong PIN. {payment} was not sent. {left}"
    if code == results.PIN_LOCKED:
        return f"Failed. {payment} was not sent. {_LOCKED}"
    if code == results.CANCELLED:
        return f"You cancelled the payment of {payment}. No money left your account."
    if code == results.NO_ANSWER:
        return f"The request to pay {payment} timed out. No money left your account."
    if code in (results.ABOVE_TRANSACTION_LIMIT, results.ABOVE_DAILY_LIMIT):
        return f"Failed. {payment} is above your M-PESA limit. No money left your account."
    if code in results.C2B_REFUSALS:
        return (
            f"Failed. {merchant} did not accept {payment}: {results.describe_result(code)}. No money left your account."
        )
    if code == results.NUMBER_UNKNOWN:
        return f"Failed. {payment} was not sent. No business has this number."
    return f"Failed. {payment} was not sent. {results.describe_result(code)}"


_LOCKED = "Your M-PESA PIN is locked."
