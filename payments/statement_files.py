"""Reading a provider's statement as staff upload it. A file is understood as a whole, or refused by its bad lines.

Two forms are known by their header: the CSV of the M-PESA organisation portal, and a plain one for everybody else.
docs/statements.md describes both.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from ecommerce.csv_rows import BadQuotes, filled_rows
from ecommerce.currencies import InexactAmount, UnknownCurrency, minor_units
from payments.exceptions import StatementLinesUnreadable, StatementTooLarge, StatementUnreadable
from payments.models import Statement, StatementLine
from payments.providers.mpesa.reading import receipt
from payments.providers.values import LARGEST, text

Nature = StatementLine.Nature
Part = Statement.Part

MAX_LINES = 20_000
SHOWN_BAD_LINES = 20
HEADER_WITHIN = 40  # lines

PLAIN_COLUMNS = (
    "receipt_number",
    "amount",
    "currency",
    "time",
    "reference",
    "fee",
    "payer_phone",
    "payer_name",
    "kind",
)
_PLAIN_NEEDED = frozenset(PLAIN_COLUMNS[:4])
_PORTAL_NEEDED = frozenset({"receipt no.", "completion time", "transaction status", "paid in", "withdrawn"})
# Movements of the shop's own money between accounts: nothing there is a customer's.
_SIDE_ACCOUNTS = ("working", "settlement", "charges")

# What the portal calls a movement that no money followed.
_NOTHING_MOVED = ("failed", "cancelled", "declined", "expired", "pending", "initiated", "authorized")
_CHARGE = re.compile(r"\b(charges?|fees?)\b", re.IGNORECASE)
_NO_CUSTOMER = re.compile(
    r"\b(charges?|fees?|revers(al|ed)|organi[sz]ation|settlement|float|(working|utility|own) account)\b", re.IGNORECASE
)
# The same in the plain form and in the providers' lists: money that came in, and that no customer has paid.
_NO_CUSTOMER_KINDS = frozenset(
    {
        *("adjustment", "chargeback", "fee", "payout", "payout_cancel", "payout_failure", "refund_failure", "reversal"),
        *("payment_failure_refund", "reserve_transaction", "reserved_funds", "topup", "transfer", "transfer_cancel"),
        *("transfer_failure", "transfer_refund"),
    }
)
_CHARGE_KINDS = frozenset({"fee", "charge", "stripe_fee", "application_fee", "network_cost", "tax_fee"})

_AMOUNT = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d{1,3})?")
_SPREADSHEET_NUMBER = re.compile(r"\d(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)
# Day first, as the portal has it. Slashes are not read: a spreadsheet may have put the month first.
_TIME_FORMS = ("%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M")
_DAY_FORMS = ("%d-%m-%Y", "%Y-%m-%d")
_PERIOD = re.compile(r"from\s+(.+?)\s+to\s+(.+)", re.IGNORECASE)
_EARLIEST = datetime(2007, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Movement:
    """One line of a provider's books, with the fields of ``StatementLine``."""

    receipt_number: str
    amount: Decimal
    currency: str
    at: datetime
    nature: str
    kind: str = ""
    reference: str = ""
    fee: Decimal | None = None
    payer_phone: str = ""
    payer_name: str = ""


@dataclass(frozen=True)
class StatementFile:
    """What a file tells: everything of the kinds ``covers`` from ``since`` until just before ``until``."""

    movements: tuple[Movement, ...]
    since: datetime
    until: datetime
    covers: tuple[str, ...]


# Reads one row by its columns' names, in lower case; None where no money moved. Raises BadLine.
Reader = Callable[[Mapping[str, str]], Movement | None]


class BadLine(Exception):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def shop_zone() -> ZoneInfo:
    """Return the zone of the shop's days: a statement's day, and that of a reconciliation."""
    return ZoneInfo(settings.ADMIN_TIME_ZONE)


def nature_of(amount: Decimal, kind: str) -> str:
    """Return the nature of a movement by a provider's short word for it."""
    word = kind.strip().lower().replace(" ", "_")
    if amount > 0:
        return Nature.OWN if word in _NO_CUSTOMER_KINDS else Nature.PAYMENT
    return Nature.FEE if word in _CHARGE_KINDS else Nature.OUT


def read_statement(provider: str, raw: bytes) -> StatementFile:
    """Return what a file says.

    Raises:
        StatementUnreadable: it is no such file, or another account's.
        StatementLinesUnreadable: some lines are; the first of them are named.
        StatementTooLarge: it has too many lines.
    """
    rows = _rows(_decoded(raw))
    preamble: list[list[str]] = []
    for _, row in rows:
        names = [cell.lower() for cell in row]
        if _PORTAL_NEEDED.issubset(names):
            if provider != "mpesa":
                raise StatementUnreadable("This is a statement of M-Pesa.", code="statement_of_another_provider")
            return _read_portal(preamble, names, rows)
        if _PLAIN_NEEDED.issubset(names):
            return _read_plain(provider, names, rows)
        preamble.append(row)
        if len(preamble) >= HEADER_WITHIN:
            break
    raise StatementUnreadable(
        "No header of a known statement is in its first lines. The M-PESA portal's export has `Receipt No.`; "
        f"every other file needs {','.join(PLAIN_COLUMNS[:4])}."
    )


def _decoded(raw: bytes) -> str:
    if raw.startswith((b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0")) or b"\x00" in raw:
        raise StatementUnreadable("Upload the statement as CSV, as the provider gives it out.")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise StatementUnreadable("The file is neither UTF-8 nor Windows-1252.")


def _rows(content: str) -> Iterator[tuple[int, list[str]]]:
    """Give each row that is not empty, with the number of its last line.

    Raises:
        StatementLinesUnreadable: the quotes do not match; what follows cannot be told from what is quoted.
    """
    try:
        yield from filled_rows(content)
    except BadQuotes as error:
        raise StatementLinesUnreadable([(error.line, "bad_quotes", error.detail)], bad_lines=1) from None


# --- the M-PESA organisation portal


def _read_portal(preamble: list[list[str]], names: list[str], rows: Iterator[tuple[int, list[str]]]) -> StatementFile:
    about = dict(_named(row) for row in preamble)
    covers = _covers(about)
    movements = _movements(names, rows, _portal_movement)
    period = _period(about.get("time period", ""))
    since, until = period or _days_of(movements)
    return StatementFile(movements, since, _told_until(movements, since, until), covers)


def _named(row: list[str]) -> tuple[str, str]:
    """Return ``Short Code:`` and what stands after it, in the same cell or in the next ones."""
    name, _, value = row[0].partition(":")
    return name.strip().lower(), " ".join((value, *row[1:])).strip()


def _covers(about: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a shortcode's statement tells of.

    Raises:
        StatementUnreadable: the shortcode is not the shop's.
    """
    receiving = {settings.MPESA["SHORTCODE"], settings.MPESA["TILL_NUMBER"]} - {""}
    paying = settings.MPESA["B2C_SHORTCODE"]
    shortcode = about.get("short code", "").split(" ")[0]
    if shortcode and shortcode not in receiving | {paying}:
        raise StatementUnreadable(
            f"This is the statement of shortcode {shortcode[:20]}, which is not the shop's.",
            code="statement_of_another_account",
        )
    if any(word in about.get("account", "").lower() for word in _SIDE_ACCOUNTS):
        return ()
    if not paying or paying in receiving:
        return (Part.RECEIVED, Part.REFUNDS, Part.PAYOUTS)
    return (Part.PAYOUTS,) if shortcode == paying else (Part.RECEIVED,)


def _period(told: str) -> tuple[datetime, datetime] | None:
    found = _PERIOD.search(told)
    if found is None:
        return None
    since, until = _moment(found[1]), _moment(found[2])
    first, last = _day(found[1]), _day(found[2])
    start = since or first
    end = until + timedelta(seconds=1) if until else last and last + timedelta(days=1)
    return (start, end) if start and end and start < end else None


def _portal_movement(cells: Mapping[str, str]) -> Movement | None:
    status = cells["transaction status"].lower()
    if status in _NOTHING_MOVED:
        return None
    if status != "completed":
        raise BadLine("unknown_status", f"{status[:40]!r} is no status that the shop knows.")
    paid_in, withdrawn = _money(cells["paid in"]), _money(cells["withdrawn"])
    if paid_in is None and withdrawn is None:
        raise BadLine("bad_amount", "Neither Paid In nor Withdrawn has an amount.")
    if paid_in and withdrawn:
        raise BadLine("bad_amount", "Both Paid In and Withdrawn have an amount.")
    amount = (paid_in or Decimal(0)) - abs(withdrawn or Decimal(0))
    if paid_in is not None and paid_in < 0:
        raise BadLine("bad_amount", "Paid In is negative.")
    if amount == 0:
        return None
    number = receipt(cells["receipt no."])
    if not number:
        raise BadLine("bad_receipt", "Receipt No. is no receipt number of M-Pesa.")
    phone, _, name = cells.get("other party info", "").partition(" - ")
    if not any(character.isdigit() for character in phone):
        phone, name = "", cells.get("other party info", "")
    # What the payer typed is part of the details too: only what stands before it tells the kind.
    details = re.split(r" from | to ", cells.get("details", ""), maxsplit=1)[0]
    kind = cells.get("reason type", "") or details
    if amount > 0:
        nature = Nature.OWN if _NO_CUSTOMER.search(kind) else Nature.PAYMENT
        reference = cells.get("a/c no.", "")
    else:
        nature = Nature.FEE if _CHARGE.search(kind) or _CHARGE.search(details) else Nature.OUT
        reference = cells.get("linked transaction id", "") or cells.get("a/c no.", "")
    return Movement(
        receipt_number=number,
        amount=_exact(amount, "KES"),
        currency="KES",
        at=_at(cells["completion time"]),
        nature=nature,
        kind=text(kind, 80),
        reference=text(reference, 64),
        payer_phone=text(phone.strip(), 64),
        payer_name=text(name.strip(), 120),
    )


# --- the plain form


def _read_plain(provider: str, names: list[str], rows: Iterator[tuple[int, list[str]]]) -> StatementFile:
    if unknown := sorted(set(names) - set(PLAIN_COLUMNS) - {""}):
        raise StatementUnreadable(f"Unknown columns: {', '.join(unknown)[:200]}.", code="unknown_columns")
    movements = _movements(names, rows, partial(_plain_movement, provider))
    since, until = _days_of(movements)
    until = _told_until(movements, since, until)
    return StatementFile(movements, since, until, (Part.RECEIVED, Part.REFUNDS, Part.PAYOUTS))


def _plain_movement(provider: str, cells: Mapping[str, str]) -> Movement:
    number = cells["receipt_number"]
    if provider == "mpesa":  # which knows no small letters: typed with them it is the same payment
        number = number.upper()
    if not number or len(number) > 64 or not number.isprintable():
        raise BadLine("bad_receipt", "receipt_number is missing, or longer than 64 characters.")
    if _SPREADSHEET_NUMBER.fullmatch(number):
        raise BadLine("bad_receipt", "A spreadsheet has rounded receipt_number; format the column as text.")
    amount, fee, currency = _money(cells["amount"]), _money(cells.get("fee", "")), cells["currency"].upper()
    if not amount:
        raise BadLine("bad_amount", "amount is missing or zero.")
    if fee is not None and fee < 0:
        raise BadLine("bad_amount", "fee is negative.")
    return Movement(
        receipt_number=number,
        amount=_exact(amount, currency),
        currency=currency,
        at=_at(cells["time"]),
        nature=nature_of(amount, cells.get("kind", "")),
        kind=text(cells.get("kind", ""), 80),
        reference=text(cells.get("reference", ""), 64),
        fee=None if fee is None else _exact(fee, currency),
        payer_phone=text(cells.get("payer_phone", ""), 64),
        payer_name=text(cells.get("payer_name", ""), 120),
    )


# --- parts of both


def _movements(names: list[str], rows: Iterator[tuple[int, list[str]]], read: Reader) -> tuple[Movement, ...]:
    """Return the movements of all rows; two movements never look alike, and a row that stands twice counts once."""
    found: list[Movement] = []
    bad: list[tuple[int, str, str]] = []
    bad_lines = 0
    seen: set[tuple[str, ...]] = set()
    alike: Counter[tuple[str, Decimal, str]] = Counter()
    for number, row in rows:
        if tuple(row) in seen:
            continue
        seen.add(tuple(row))
        if len(seen) > MAX_LINES:
            raise StatementTooLarge(f"{MAX_LINES:,} lines")
        try:
            movement = read(_cells(names, row))
        except BadLine as error:
            bad_lines += 1
            if len(bad) < SHOWN_BAD_LINES:
                bad.append((number, error.code, str(error)))
            continue
        if movement is not None:
            key = (movement.receipt_number, movement.amount, movement.kind)
            alike[key] += 1
            if alike[key] > 1:
                movement = replace(movement, kind=f"{movement.kind[:74]} ({alike[key]})".strip())
            found.append(movement)
    if bad:
        raise StatementLinesUnreadable(bad, bad_lines=bad_lines)
    return tuple(found)


def _cells(names: list[str], row: list[str]) -> dict[str, str]:
    if len(row) > len(names):  # also by an empty one: the amount before it may have lost its thousands
        raise BadLine("bad_columns", "It has more columns than the header; is a comma in an amount unquoted?")
    if len(row) < len(names):
        raise BadLine("bad_columns", f"It has {len(row)} of {len(names)} columns; is the file whole?")
    return dict(zip(names, row, strict=True))


def _money(told: str) -> Decimal | None:
    """Return an amount, also with separators between thousands; None for an empty cell."""
    if not told:
        return None
    if not _AMOUNT.fullmatch(told):
        raise BadLine("bad_amount", f"{told[:40]!r} is no amount.")
    amount = Decimal(told.replace(",", ""))
    if not -LARGEST < amount < LARGEST:
        raise BadLine("bad_amount", f"{told[:40]!r} is too large.")
    return amount


def _exact(amount: Decimal, currency: str) -> Decimal:
    try:
        minor_units(amount, currency)
    except UnknownCurrency:
        raise BadLine("unknown_currency", f"{currency[:10]!r} is no currency that the shop knows.") from None
    except InexactAmount:
        raise BadLine("bad_amount", f"{amount} has more decimal places than {currency} has.") from None
    rounded = amount.quantize(Decimal("0.01"))
    if rounded != amount:
        raise BadLine("bad_amount", f"{amount} has more than two decimal places.")
    return rounded


def _at(told: str) -> datetime:
    moment = _moment(told)
    if moment is None:
        raise BadLine("bad_time", f"{told[:40]!r} is no time; write 21-11-2026 10:45:31 or 2026-11-21T07:45:31Z.")
    if not _EARLIEST < moment < timezone.now() + timedelta(days=1):
        raise BadLine("bad_time", f"{told[:40]!r} lies in the future, or before M-Pesa was.")
    return moment


def _moment(told: str) -> datetime | None:
    """Return a moment; one without a zone is by the shop's clock."""
    for form in _TIME_FORMS:
        try:
            return datetime.strptime(told.strip(), form).replace(tzinfo=shop_zone())
        except ValueError:
            continue
    if "T" not in told:
        return None
    try:
        moment = datetime.fromisoformat(told.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=shop_zone())


def _day(told: str) -> datetime | None:
    for form in _DAY_FORMS:
        try:
            return datetime.strptime(told.strip(), form).replace(tzinfo=shop_zone())
        except ValueError:
            continue
    return None


def _days_of(movements: tuple[Movement, ...]) -> tuple[datetime, datetime]:
    """Return the whole days of the movements: a file that does not say is taken to tell all of them.

    Raises:
        StatementUnreadable: there is no movement.
    """
    if not movements:
        raise StatementUnreadable("There are no lines in this statement.", code="statement_empty")
    days = [movement.at.astimezone(shop_zone()).date() for movement in movements]
    since = datetime.combine(min(days), time.min, shop_zone())
    return since, datetime.combine(max(days) + timedelta(days=1), time.min, shop_zone())


def _told_until(movements: tuple[Movement, ...], since: datetime, until: datetime) -> datetime:
    """Return the end of what a file tells: of a day that is not over its last movement, its own age being unknown."""
    if until <= timezone.now():
        return until
    return max((movement.at + timedelta(seconds=1) for movement in movements), default=since)
