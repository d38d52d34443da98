"""Checking what a merchant sends to start a payment."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from simulator.chapa.money import CURRENCIES, read_major
from simulator.chapa.wire import ChapaError, Fields, Problems

LONGEST_TEXT = 255
LONGEST_TITLE = 16
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True)
class Start:
    """A payment that is to be started. ``amount`` is in hundredths."""

    tx_ref: str
    amount: int
    currency: str
    payer: dict[str, str | None]  # email, first_name, last_name, phone_number
    callback_url: str
    return_url: str
    customization: dict[str, str | None]  # title, description, logo
    meta: Any


def read_start(fields: Fields) -> Start:
    """Read ``POST /v1/transaction/initialize``.

    Raises:
        ChapaError: every field that is wrong, as an object of lists; a wrong currency alone as text.
    """
    check = _Check(fields)
    amount = check.amount()
    currency = check.text("currency", required=True)
    tx_ref = check.matching("tx_ref", r"[!-~]+", required=True, longest=100)
    payer = {
        "email": check.matching("email", _EMAIL.pattern, rule="email"),
        "first_name": check.text("first_name"),
        "last_name": check.text("last_name"),
        "phone_number": check.matching("phone_number", r"0[79][0-9]{8}", rule="phone"),
    }
    callback_url, return_url = check.address("callback_url"), check.address("return_url")
    customization = check.customization()
    meta = fields.get("meta")
    if meta is not None and not isinstance(meta, dict | list):
        check.refuse("meta", "array")
    if check.problems:
        raise ChapaError(400, check.problems)
    if currency not in CURRENCIES:
        raise ChapaError(400, "Invalid currency")
    return Start(
        tx_ref or "", amount or 0, currency, payer, callback_url or "", return_url or "", customization, meta or None
    )


class _Check:
    """Collects what is wrong, field by field, as ``validation.required`` and the like."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self.problems: Problems = {}

    def refuse(self, name: str, rule: str) -> None:
        self.problems.setdefault(name, []).append(f"validation.{rule}")

    def amount(self) -> int | None:
        value = self._fields.get("amount")
        if value in (None, ""):
            self.refuse("amount", "required")
            return None
        amount = read_major(value)
        if amount is None:
            self.refuse("amount", "numeric")
        return amount

    def text(self, name: str, *, required: bool = False, longest: int = LONGEST_TEXT) -> str | None:
        value = self._fields.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value in (None, ""):
            if required:
                self.refuse(name, "required")
            return None
        if not isinstance(value, str):
            self.refuse(name, "string")
            return None
        if len(value) > longest:
            self.refuse(name, "max.string")
            return None
        return value

    def matching(
        self, name: str, pattern: str, *, required: bool = False, rule: str = "regex", longest: int = LONGEST_TEXT
    ) -> str | None:
        value = self.text(name, required=required, longest=longest)
        if value is not None and not re.fullmatch(pattern, value):
            self.refuse(name, rule)
            return None
        return value

    def address(self, name: str) -> str | None:
        value = self.matching(name, r"https?://[!-~]+", rule="url", longest=2000)
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            usable = bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port or a bracket that makes no sense
            usable = False
        if not usable:
            self.refuse(name, "url")
        return value if usable else None

    def customization(self) -> dict[str, str | None]:
        given = self._fields.get("customization")
        if given in (None, ""):
            given = {}
        if not isinstance(given, dict):
            self.refuse("customization", "array")
            given = {}
        inner = _Check(given)
        texts = {
            "title": inner.matching("title", r"[A-Za-z0-9_. -]+", longest=LONGEST_TITLE),
            "description": inner.text("description"),
            "logo": inner.text("logo"),
        }
        for name, rules in inner.problems.items():
            self.problems[f"customization.{name}"] = rules
        return texts
