"""What every payment service must offer.

A provider talks to the network and knows its own wire format; it never touches the database. It raises
``ProviderUnavailable`` when nothing is known, and returns a frozen result for everything that is known.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from payments.outcomes import UNKNOWN, Outcome


class Verdict(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    IN_FLIGHT = "in_flight"  # the customer has not decided yet
    NO_ANSWER = "no_answer"  # this told us nothing


@dataclass(frozen=True)
class InitiateRequest:
    """What to collect. ``amount`` is in major units of ``currency`` and acceptable to the provider."""

    amount: Decimal
    currency: str
    phone_number: str  # E.164
    reference: str  # what the payer sees: the order's number
    callback_url: str


@dataclass(frozen=True)
class InitiateResult:
    """``accepted`` True: the provider has it; False: it certainly has not, and ``outcome`` says why."""

    accepted: bool
    provider_reference: str = ""
    merchant_reference: str = ""
    outcome: Outcome = UNKNOWN
    detail: str = ""


@dataclass(frozen=True)
class ProviderResult:
    """What the provider says about one attempt. Amounts are in major units."""

    verdict: Verdict
    provider_reference: str = ""
    merchant_reference: str = ""
    outcome: Outcome = UNKNOWN
    result_code: str = ""
    detail: str = ""
    amount: Decimal | None = None  # None where the channel does not say
    receipt_number: str = ""
    paid_at: datetime | None = None


class PaymentProvider(ABC):
    name: str

    @abstractmethod
    def payable_amount(self, amount: Decimal, currency: str) -> Decimal:
        """Return what to collect for ``amount``, rounded as the provider demands.

        Raises:
            AmountNotPayable: the currency or the size is not one it takes.
        """

    @abstractmethod
    def initiate(self, request: InitiateRequest) -> InitiateResult:
        """Ask for the money, once. Never repeats a request whose fate is unknown.

        Raises:
            ProviderUnavailable: nobody knows whether the provider has it.
        """

    @abstractmethod
    def query(self, provider_reference: str, *, age_seconds: float) -> ProviderResult:
        """Ask what became of an attempt.

        Raises:
            ProviderUnavailable: no answer.
        """

    @abstractmethod
    def parse_callback(self, body: bytes) -> ProviderResult:
        """Read a stored callback.

        Raises:
            UnreadableEvent: it has no known shape.
        """

    @abstractmethod
    def query_delays(self) -> tuple[int, ...]:
        """Seconds after sending at which to ask, if no callback has settled the attempt."""
