"""The pull list: what customers have paid to our shortcode in the last 48 hours, in Safaricom's own books.

Source: Daraja documentation, Pull Transactions.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from payments.exceptions import ProviderUnavailable
from payments.providers.base import StatementEntry
from payments.providers.mpesa.client import DarajaAnswer
from payments.providers.mpesa.reading import CURRENCY, NAIROBI, receipt
from payments.providers.values import decimal, text

logger = logging.getLogger(__name__)

REGISTER_PATH = "/pulltransactions/v1/register"
QUERY_PATH = "/pulltransactions/v1/query"
REACHES_BACK = timedelta(hours=48)

_FOUND, _NOTHING = "1000", "1001"
_MOST_PAGES = 500

Ask = Callable[[dict[str, Any]], DarajaAnswer]


def list_received(ask: Ask, shortcode: str, since: datetime, until: datetime) -> list[StatementEntry]:
    """Return what came between the two moments, as far back as Safaricom tells. ``ask`` sends one question.

    Raises:
        ProviderUnavailable: no answer, or no whole list.
    """
    since = max(since, timezone.now() - REACHES_BACK)
    if since >= until:
        return []
    found: dict[str, StatementEntry] = {}
    offset = 0
    before: list[dict[str, Any]] = []
    for _ in range(_MOST_PAGES):
        rows = _rows(
            ask(
                {
                    "ShortCode": shortcode,
                    "StartDate": _form(since),
                    "EndDate": _form(until),
                    "OffSetValue": str(offset),  # of rows, not of pages
                }
            )
        )
        if not rows or rows == before:  # the end, or a list that pays no heed to the offset
            return list(found.values())
        found |= {entry.receipt_number: entry for entry in map(_entry, rows) if entry is not None}
        offset, before = offset + len(rows), rows
    raise ProviderUnavailable("the pull list does not end")


def registration(shortcode: str, phone_number: str, callback_url: str) -> dict[str, str]:
    return {
        "ShortCode": shortcode,
        "RequestType": "Pull",
        "NominatedNumber": phone_number,
        "CallBackURL": callback_url,
    }


def is_registered(answer: DarajaAnswer) -> bool:
    """Tell whether the shortcode may be asked about after this answer to its registration.

    Raises:
        ProviderUnavailable: no sensible answer.
    """
    if answer.rate_limited or answer.status >= 500 or not answer.body:
        raise ProviderUnavailable(f"registration answered {answer.status} {answer.error_code}".strip())
    # The sandbox has been seen to write keys with blanks: "Response Status".
    keys = {key.replace(" ", ""): value for key, value in answer.body.items()}
    return answer.status == 200 and text(keys.get("ResponseStatus")) in (_FOUND, _NOTHING)


def _rows(answer: DarajaAnswer) -> list[dict[str, Any]]:
    """Return the rows of an answer; none where the shortcode is not registered for the list.

    Raises:
        ProviderUnavailable: no sensible answer.
    """
    code = answer.response_code
    if code in (_FOUND, _NOTHING):
        return list(_objects(answer.body.get("Response")))
    if not answer.rate_limited and (
        answer.product_missing or code or (400 <= answer.status < 500 and answer.error_code)
    ):
        logger.warning("mpesa_pull_refused", extra={"error_code": answer.error_code or code, "detail": answer.detail})
        return []
    raise ProviderUnavailable(f"pull list answered {answer.status} {answer.error_code}".strip())


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Walk through the lists in the list; "nothing" is the text ``"[[]]"``."""
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item)


def _entry(row: dict[str, Any]) -> StatementEntry | None:
    receipt_number, amount, at = receipt(row.get("transactionId")), decimal(row.get("amount")), _time(row)
    if not receipt_number or amount is None or at is None:
        logger.error("mpesa_pull_row_unreadable", extra={"receipt_number": receipt_number})
        return None
    return StatementEntry(
        receipt_number=receipt_number,
        amount=amount,
        currency=CURRENCY,
        at=at,
        reference=text(row.get("billreference"), 100).strip(),
        payer_phone=text(row.get("msisdn"), 40).strip(),
        kind=text(row.get("transactiontype"), 40).strip(),
    )


def _time(row: dict[str, Any]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text(row.get("trxDate"), 40).strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=NAIROBI)).astimezone(UTC)


def _form(moment: datetime) -> str:
    return moment.astimezone(NAIROBI).strftime("%Y-%m-%d %H:%M:%S")
