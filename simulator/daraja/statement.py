"""The statement of the utility account, as the M-PESA organisation portal exports it.

Source: exports of the portal; the names of reasons vary from one to the other.
"""

import csv
import io
from datetime import date, datetime, time, timedelta

from simulator.clock import NAIROBI, nairobi
from simulator.daraja.confirmations import BUY_GOODS
from simulator.daraja.inquiries import reason_of
from simulator.daraja.ledger import FROM_CUSTOMERS, Ledger, Movement
from simulator.daraja.people import masked_name
from simulator.daraja.validation import BUY_GOODS as STK_BUY_GOODS
from simulator.settings import DarajaSettings

COLUMNS = (
    "Receipt No.",
    "Completion Time",
    "Initiation Time",
    "Details",
    "Transaction Status",
    "Paid In",
    "Withdrawn",
    "Balance",
    "Balance Confirmed",
    "Reason Type",
    "Other Party Info",
    "Linked Transaction ID",
    "A/C No.",
)
_FIRST_DAY = date(2000, 1, 1)
_LAST_DAY = date(2099, 12, 31)


def write_statement(settings: DarajaSettings, ledger: Ledger, day: date | None) -> str:
    """Return the CSV of one day in Nairobi, or of all days, newest line first.

    A charge has a line of its own, under the receipt of what it was charged for.
    """
    start = datetime.combine(day or _FIRST_DAY, time.min, NAIROBI)
    end = datetime.combine(day or _LAST_DAY, time.min, NAIROBI) + timedelta(days=1)
    movements = ledger.between(start.timestamp(), end.timestamp())
    if day is None:
        start, end = _span(movements, start, end)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows(
        (
            ("Organization Name:", settings.merchant_name),
            ("Short Code:", settings.shortcode),
            ("Account:", "Utility Account"),
            ("Time Period:", f"From {_moment(start)} To {_moment(end - timedelta(seconds=1))}"),
            (),
            COLUMNS,
        )
    )
    for movement in reversed(movements):
        if movement.charge:
            writer.writerow(_charge_line(movement))
        writer.writerow(_line(movement))
    return text.getvalue()


def _span(movements: list[Movement], start: datetime, end: datetime) -> tuple[datetime, datetime]:
    if not movements:
        return start, end
    return nairobi(movements[0].completed_at), nairobi(movements[-1].completed_at) + timedelta(seconds=1)


def _line(movement: Movement) -> tuple[str, ...]:
    change = movement.utility_change + movement.charge
    party = movement.other_party if movement.kind == "b2b" else masked_name(movement.other_party)
    return (
        movement.receipt_number,
        _moment(nairobi(movement.completed_at)),
        _moment(nairobi(movement.initiated_at)),
        _details(movement, party),
        "Completed",
        _money(change) if change > 0 else "",
        _money(change) if change < 0 else "",
        _money(movement.utility_balance + movement.charge),
        "true",
        reason_of(movement),
        party,
        movement.linked_receipt or "",
        movement.reference if movement.kind != "b2c" else "",
    )


def _charge_line(movement: Movement) -> tuple[str, ...]:
    return (
        movement.receipt_number,
        _moment(nairobi(movement.completed_at)),
        _moment(nairobi(movement.initiated_at)),
        "B2C Payment Charge",
        "Completed",
        "",
        _money(-movement.charge),
        _money(movement.utility_balance),
        "true",
        "Fee For B2C Payment",
        "",
        "",
        "",
    )


def _details(movement: Movement, party: str) -> str:
    if movement.kind in FROM_CUSTOMERS:
        if movement.transaction_type in (BUY_GOODS, STK_BUY_GOODS):
            return f"Merchant Payment from {party}"
        return f"Pay Bill from {party} Acc. {movement.reference}"
    if movement.kind == "reversal":
        return f"{reason_of(movement)} to {party}"
    if movement.kind == "b2b":
        return f"Organization Transfer from Working Account of {movement.shortcode}"
    return f"{reason_of(movement).removesuffix(' via API')} to {party}"


def _money(shillings: int) -> str:
    return f"{shillings:,}.00"


def _moment(moment: datetime) -> str:
    return f"{moment:%d-%m-%Y %H:%M:%S}"
