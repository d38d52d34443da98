"""Paystack's wire: the envelope, the units, and how far an answer can be trusted.

Source: Paystack API reference. Every amount is a whole number of hundredths, in every currency, also where the
currency itself has none; requests carry numbers, answers numbers or digit strings.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from django.conf import settings

from payments.exceptions import ProviderUnavailable
from payments.providers.http import Answer, ProviderHttp
from payments.providers.values import mapping, text

# What may have an effect gets more time than a question: a charge that was cut off is a riddle.
WRITE_TIMEOUT = 20.0
PER_PAGE = 100
MAX_PAGES = 200

_WHOLE = re.compile(r"-?[0-9]{1,15}")


def to_hundredths(amount: Decimal) -> int:
    """Return an amount as Paystack counts it.

    Raises:
        ValueError: it has more than two places.
    """
    hundredths = amount * 100
    if hundredths != hundredths.to_integral_value():
        raise ValueError(f"{amount} has more than two places")
    return int(hundredths)


def whole(value: Any) -> int | None:
    """Return a whole number or a digit string as a number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str) or not _WHOLE.fullmatch(str(value)[:20]):
        return None
    return int(value)


def from_hundredths(value: Any) -> Decimal | None:
    """Return the amount that a number of hundredths stands for; None for anything else."""
    hundredths = whole(value)
    return None if hundredths is None else Decimal(f"{hundredths}E-2")


def id_text(value: Any) -> str:
    """Return one of Paystack's ids, an unsigned number of 64 bits, as text; empty for anything else."""
    digits = text(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return digits if re.fullmatch("[0-9]{1,20}", digits) else ""


def mode_of(key: str) -> str:
    """Return the mode that a secret key works in, as ``domain`` names it; empty for what is no secret key."""
    for mode in ("test", "live"):
        if key.startswith(f"sk_{mode}_"):
            return mode
    return ""


def message_of(answer: Answer) -> str:
    """Return an error's code and text, for people."""
    return text(f"{text(answer.body.get('code'))} {text(answer.body.get('message'))}".strip())


def data_of(answer: Answer) -> Mapping[str, Any]:
    """Return ``data`` of a call that worked. That a call worked says nothing about money."""
    return mapping(answer.body.get("data")) if _worked(answer) else {}


def is_refused(answer: Answer) -> bool:
    """Tell whether Paystack itself says no, so that the call certainly had no effect."""
    return answer.status in (400, 401, 404, 422) and answer.body.get("status") is False


def is_key_refused(answer: Answer) -> bool:
    return is_refused(answer) and (answer.status == 401 or "invalid key" in message_of(answer).lower())


def is_rate_limited(answer: Answer) -> bool:
    return answer.status == 429


def is_unknown_reference(answer: Answer) -> bool:
    """Tell whether Paystack says that it knows no such thing: by 404 or by 400, sources differ."""
    if answer.status not in (400, 404) or answer.body.get("status") is not False:
        return False
    code = answer.body.get("code")
    return code in ("transaction_not_found", "not_found") or "not found" in message_of(answer).lower()


def is_duplicate(answer: Answer) -> bool:
    """Tell whether the reference was used before: by code, or in older answers by text alone."""
    if not is_refused(answer):
        return False
    message = message_of(answer).lower()
    return answer.body.get("code") == "duplicate_reference" or ("duplicate" in message and "reference" in message)


class PaystackClient:
    def __init__(self) -> None:
        self._http = ProviderHttp("paystack", settings.PAYSTACK["BASE_URL"])
        self._key: str = settings.PAYSTACK["SECRET_KEY"]
        self.mode = mode_of(self._key)

    def get(self, path: str, **params: Any) -> Answer:
        return self._http.send("GET", path, headers=self._headers(), params=params)

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        return self._http.send("POST", path, headers=self._headers(), json=body, read_timeout=WRITE_TIMEOUT)

    def pages(self, path: str, **params: Any) -> Iterator[list[Mapping[str, Any]]]:
        """Read a list to its end, page by page.

        Raises:
            ProviderUnavailable: a page did not come, or it cannot be told whether the list is whole.
        """
        seen: set[str] = set()
        count = 0
        for page in range(1, MAX_PAGES + 1):
            answer = self.get(path, perPage=PER_PAGE, page=page, **params)
            rows = answer.body.get("data") if _worked(answer) else None
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise ProviderUnavailable(f"{path} answered {answer.status}")
            ids = {id_text(row.get("id")) for row in rows}
            if ids & seen or "" in ids:
                raise ProviderUnavailable(f"{path}: page {page} repeats an earlier one or has rows without an id")
            seen |= ids
            count += len(rows)
            yield rows
            total = whole(mapping(answer.body.get("meta")).get("total"))
            if len(rows) < PER_PAGE if total is None else count >= total:
                return
            if not rows:
                raise ProviderUnavailable(f"{path} ended at {count} rows, before its own count")
        raise ProviderUnavailable(f"{path} has more than {MAX_PAGES} pages")

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}"}


def in_path(reference: str) -> str:
    return quote(reference, safe="")


def _worked(answer: Answer) -> bool:
    return answer.status in (200, 201) and answer.body.get("status") is True
