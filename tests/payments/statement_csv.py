"""Statements as the M-PESA organisation portal exports them, and plain ones."""

import csv
import io
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from rest_framework.test import APIClient

from tests.payments.conftest import SHORTCODE

NAIROBI = ZoneInfo("Africa/Nairobi")
URL = "/api/payments/statements/"
HEADER = [
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
]


def yesterday() -> date:
    return (timezone.now().astimezone(NAIROBI) - timedelta(days=1)).date()


def at(hour: int, minute: int = 0, second: int = 0, *, day: date | None = None) -> datetime:
    return datetime.combine(day or yesterday(), time(hour, minute, second), NAIROBI)


def line(receipt: str, *, moment: datetime | None = None, **changes: str) -> list[str]:
    """Return one line of the portal; without changes, nobody's KES 1,500."""
    when = f"{(moment or at(10, 45, 31)).astimezone(NAIROBI):%d-%m-%Y %H:%M:%S}"
    cells = dict.fromkeys(HEADER, "") | {
        "Receipt No.": receipt,
        "Completion Time": when,
        "Initiation Time": when,
        "Details": "Pay Bill from 2547***678 - JANE DOE Acc.",
        "Transaction Status": "Completed",
        "Balance": "25,400.00",
        "Balance Confirmed": "true",
        "Reason Type": "Pay Bill Online",
        "Other Party Info": "2547***678 - JANE DOE",
    }
    if not {"Paid In", "Withdrawn"} & set(changes):
        cells["Paid In"] = "1,500.00"
    return list((cells | changes).values())


def charge(receipt: str, amount: str, *, moment: datetime | None = None) -> list[str]:
    changes = {"Withdrawn": f"-{amount}", "Reason Type": "Pay Bill Charge", "Details": "Pay Bill Charge"}
    return line(receipt, moment=moment, **changes, **{"Other Party Info": ""})


def portal(*lines: list[str], shortcode: str = SHORTCODE, account: str = "Utility Account", day: date | None = None):
    """Return the file's text."""
    of = f"{day or yesterday():%d-%m-%Y}"
    text = io.StringIO()
    csv.writer(text).writerows(
        [
            ["Organization Name:", "Duka Letu"],
            ["Short Code:", shortcode],
            ["Account:", account],
            ["Time Period:", f"From {of} 00:00:00 To {of} 23:59:59"],
            [],
            HEADER,
            *lines,
        ]
    )
    return text.getvalue()


def plain(*lines: str, header: str = "receipt_number,amount,currency,time,reference,fee,kind") -> str:
    return "\r\n".join((header, *lines, ""))


def utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def upload(client: APIClient, content: str | bytes, *, provider: str = "mpesa", name: str = "statement.csv") -> Any:
    raw = content.encode() if isinstance(content, str) else content
    file = SimpleUploadedFile(name, raw, content_type="text/csv")
    return client.post(URL, {"provider": provider, "file": file}, format="multipart")
