"""A payment service with a page, that does what a test has scripted: for what the shop does with any of them."""

import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from payments import outcomes
from payments.exceptions import ForgedEvent, ProviderUnavailable, UnreadableEvent
from payments.providers.base import (
    About,
    AttemptFacts,
    Charge,
    InitiateRequest,
    InitiateResult,
    Notice,
    PaymentProvider,
    ProviderResult,
    RefundRequest,
    TransferResult,
    Verdict,
)

KEY = b"pagepay"
PAGE = "https://pagepay.test/p/"
OPEN = ProviderResult(verdict=Verdict.IN_FLIGHT, outcome=outcomes.WAITING_ON_PAGE)


def paid(amount: str = "1500.00", receipt: str = "PP-1", currency: str = "KES") -> ProviderResult:
    return ProviderResult(
        verdict=Verdict.SUCCEEDED,
        outcome=outcomes.PAID,
        amount=Decimal(amount),
        currency=currency,
        receipt_number=receipt,
    )


def webhook(reference: str, *, event_id: str = "evt-1", about: About = About.PAYMENT, **facts: Any) -> bytes:
    return json.dumps({"id": event_id, "about": about, "reference": reference, **facts}).encode()


def signature(body: bytes) -> str:
    return hmac.new(KEY, body, "sha256").hexdigest()


class PagePay(PaymentProvider):
    name = "pagepay"
    methods = ("card", "paypal")
    redirects = True
    initiate_is_repeatable = True
    can_be_superseded = True
    sends_webhooks = True

    # What was asked, and what is answered: the last answer is given again and again.
    calls: ClassVar[list[tuple[str, str]]] = []
    pages: ClassVar[list[InitiateResult | ProviderUnavailable]] = []
    answers: ClassVar[list[ProviderResult | ProviderUnavailable]] = []

    @classmethod
    def reset(cls) -> None:
        cls.calls, cls.pages, cls.answers = [], [], [OPEN]

    @classmethod
    def called(cls, name: str) -> list[str]:
        return [reference for called, reference in cls.calls if called == name]

    def payable_amount(self, amount: Decimal, currency: str) -> Charge:
        return Charge(amount, currency)

    def initiate(self, request: InitiateRequest) -> InitiateResult:
        self.calls.append(("initiate", request.reference))
        scripted = self.pages.pop(0) if self.pages else None
        if isinstance(scripted, ProviderUnavailable):
            raise scripted
        return scripted or InitiateResult(
            accepted=True,
            provider_reference=f"pp-{request.reference}",
            outcome=outcomes.WAITING_ON_PAGE,
            authorization_url=PAGE + request.reference,
        )

    def query(self, attempt: AttemptFacts) -> ProviderResult:
        self.calls.append(("query", attempt.reference))
        scripted = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(scripted, ProviderUnavailable):
            raise scripted
        return scripted

    def close(self, attempt: AttemptFacts) -> None:
        self.calls.append(("close", attempt.reference))

    def query_delays(self) -> tuple[int, ...]:
        return (30, 300, 7200)

    @property
    def lifetime(self) -> timedelta:
        return timedelta(hours=1)

    def refund(self, request: RefundRequest) -> TransferResult:
        self.calls.append(("refund", request.reference))
        return TransferResult(verdict=Verdict.IN_FLIGHT, provider_reference=f"rf-{request.receipt_number}")

    def query_refund(self, request: RefundRequest) -> TransferResult:
        self.calls.append(("query_refund", request.reference))
        return TransferResult(
            verdict=Verdict.SUCCEEDED, provider_reference=request.provider_reference, receipt_number="RF-1"
        )

    def check_webhook(self, headers: Mapping[str, str], body: bytes) -> bool:
        if not hmac.compare_digest(headers.get("x-pagepay", "").encode(), signature(body).encode()):
            raise ForgedEvent("x-pagepay does not fit")
        return True

    def read_webhook(self, body: bytes) -> Notice:
        try:
            told = json.loads(body)
            about, amount = About(told["about"]), told.get("amount")
            return Notice(
                event_id=told["id"],
                kind=f"{about}.told",
                about=about,
                reference=told["reference"],
                provider_reference=told.get("provider_reference", ""),
                receipt_number=told.get("receipt", ""),
                amount=None if amount is None else Decimal(amount),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise UnreadableEvent("no event of PagePay's") from error
