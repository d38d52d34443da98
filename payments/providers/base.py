"""What every payment service must offer.

A provider talks to the network and knows its own wire format; it never touches the database. It raises
``ProviderUnavailable`` when nothing is known, and returns a frozen result for everything that is known. Amounts are
``Decimal`` in major units beside an ISO 4217 code. docs/adding-a-provider.md tells how to add one.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from payments.outcomes import UNKNOWN, Outcome


class Verdict(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    IN_FLIGHT = "in_flight"  # it has it, and nothing is decided yet
    NO_ANSWER = "no_answer"  # this told us nothing
    NEVER_SEEN = "never_seen"  # it is certain that the provider never got it, so it may be sent again
    REVERSED = "reversed"  # it was paid, and the provider has taken the money back


class About(StrEnum):
    """What a webhook speaks of."""

    PAYMENT = "payment"
    REFUND = "refund"
    PAYOUT = "payout"
    DISPUTE = "dispute"
    OTHER = "other"  # stored, and nothing else


# --- collecting -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Charge:
    """What is really asked for: an order's amount, converted and rounded as the provider demands."""

    amount: Decimal
    currency: str


@dataclass(frozen=True)
class InitiateRequest:
    """What to collect. ``amount`` is acceptable to the provider (see ``PaymentProvider.payable_amount``)."""

    reference: str  # ours: unique for this attempt, never changes, and never used for another one
    order_number: str  # what the payer sees
    amount: Decimal
    currency: str
    method: str  # a value of Payment.Method
    phone_number: str  # E.164, empty where not needed
    email: str
    callback_url: str  # with a secret of this attempt, for providers that take an address per payment
    return_url: str  # where the customer's browser comes back to


@dataclass(frozen=True)
class InitiateResult:
    """``accepted`` True: the provider has it; False: it certainly has not, and ``outcome`` says why."""

    accepted: bool
    provider_reference: str = ""
    merchant_reference: str = ""
    outcome: Outcome = UNKNOWN
    detail: str = ""
    authorization_url: str = ""  # where the customer pays; empty when nothing is to be visited
    instructions: str = ""  # for the customer, such as the bank account to pay into


@dataclass(frozen=True)
class AttemptFacts:
    """What we know of an attempt when we ask about it."""

    reference: str
    provider_reference: str  # empty when the provider's answer never came
    amount: Decimal
    currency: str
    method: str
    age_seconds: float  # since it was sent


@dataclass(frozen=True)
class ProviderResult:
    """What the provider says about one attempt.

    ``amount`` is what the customer paid for the attempt, without a fee that the provider added on top; None where the
    channel does not say. ``problem`` names a fact that must not be ignored (``mode_mismatch``, ``reference_mismatch``):
    a success with a problem goes to a person.
    """

    verdict: Verdict
    provider_reference: str = ""
    merchant_reference: str = ""
    outcome: Outcome = UNKNOWN
    result_code: str = ""
    detail: str = ""
    amount: Decimal | None = None
    currency: str = ""  # empty where the channel does not say
    fee: Decimal | None = None  # what the provider keeps of it
    receipt_number: str = ""  # the provider's id of the money's movement; refunds refer to it
    paid_at: datetime | None = None
    problem: str = ""


# --- giving back, paying out ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class RefundRequest:
    """What to give back of one receipt.

    ``reference`` is ours, unique for this refund and never changes: where the provider takes an idempotency key, this
    is it. ``is_whole`` tells that the receipt's whole amount goes back and nothing went before.
    """

    reference: str
    amount: Decimal
    currency: str
    is_whole: bool
    reason: str
    order_number: str
    receipt_number: str  # of the payment that is given back
    payment_reference: str  # our reference of the attempt that collected it, empty for unasked money
    payment_provider_reference: str
    phone_number: str  # E.164, of the payer, for money that goes to a phone
    result_url: str  # with a secret of this refund, for providers that report to an address per request
    provider_reference: str = ""  # once the provider has answered
    route: str = ""  # what an earlier answer said of the way it takes


@dataclass(frozen=True)
class PayoutRequest:
    """What to pay to somebody. ``reference`` is ours, 16 to 50 of ``a-z0-9-``, and never changes."""

    reference: str
    amount: Decimal
    currency: str
    recipient_name: str
    phone_number: str  # E.164
    reason: str
    result_url: str
    provider_reference: str = ""


@dataclass(frozen=True)
class TransferResult:
    """What the provider says about money that leaves: a refund or a payout."""

    verdict: Verdict
    provider_reference: str = ""
    receipt_number: str = ""
    code: str = ""
    detail: str = ""
    amount: Decimal | None = None  # None where the channel does not say
    currency: str = ""
    route: str = ""  # how it goes, such as ``reversal``; kept, and given back with later questions
    needs_person: bool = False  # the provider waits for something that only a person can do


# --- hearing from it ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Notice:
    """What a webhook is about. It never decides anything: it makes us ask.

    ``event_id`` is the provider's own, or built from what does not change between two deliveries of one event.
    """

    event_id: str
    kind: str  # the provider's name of the event
    about: About
    reference: str = ""  # ours, of the attempt, refund or payout
    provider_reference: str = ""
    receipt_number: str = ""
    amount: Decimal | None = None


@dataclass(frozen=True)
class StatementEntry:
    """One movement in the provider's own books. ``amount`` is positive for money in, negative for money out."""

    receipt_number: str
    amount: Decimal
    currency: str
    at: datetime
    reference: str = ""  # ours, or what the payer typed
    fee: Decimal | None = None
    payer_phone: str = ""  # as the provider shows it, often masked
    payer_name: str = ""
    kind: str = ""  # the provider's word for it


class PaymentProvider(ABC):
    """One payment service. ``name`` stands in URLs, settings and rows."""

    name: str
    methods: tuple[str, ...]  # values of Payment.Method that it collects by
    # The customer pays on a page of the provider, so that starting means asking for that page's address.
    redirects = False
    # Asking twice with one reference collects once: an unknown outcome may be asked for again.
    initiate_is_repeatable = False
    # A customer who wants to pay another way may leave an open attempt behind; a prompt on a phone cannot be left.
    can_be_superseded = False
    # It signs what it sends to /payments/webhooks/<name>/.
    sends_webhooks = False
    # A refund, or a payout, sent twice with one reference moves money once.
    refund_is_repeatable = False
    payout_is_repeatable = False
    can_pay_out = False
    # What ``list_movements`` tells of, among "received", "refunds" and "payouts"; and how far back it reaches.
    movements_listed: tuple[str, ...] = ()
    movements_reach_back = timedelta(days=7)

    # --- collecting

    @abstractmethod
    def payable_amount(self, amount: Decimal, currency: str) -> Charge:
        """Return what to collect for ``amount``: in a currency that the provider takes, rounded as it demands.

        Raises:
            AmountNotPayable: the currency or the size is not one it takes.
            RateUnavailable: it would have to be converted, and no fresh rate is known.
        """

    @abstractmethod
    def initiate(self, request: InitiateRequest) -> InitiateResult:
        """Ask for the money, once. Never repeats by itself what may have had an effect.

        Raises:
            ProviderUnreachable: the request certainly did not arrive.
            ProviderUnavailable: nobody knows whether the provider has it.
        """

    @abstractmethod
    def query(self, attempt: AttemptFacts) -> ProviderResult:
        """Ask what became of an attempt, and take the step that is due (PayPal: capture what was approved).

        Raises:
            ProviderUnavailable: no answer.
        """

    def close(self, attempt: AttemptFacts) -> None:  # noqa: B027 - most have nothing to close
        """Make an open payment page unusable, as far as the provider can. Money may still arrive afterwards.

        Raises:
            ProviderUnavailable: no answer.
        """

    @abstractmethod
    def query_delays(self) -> tuple[int, ...]:
        """Seconds after sending at which to ask, if nothing has settled the attempt before."""

    @property
    def lifetime(self) -> timedelta | None:
        """How long the customer can pay an attempt; then it is closed. None: the provider ends it by itself."""
        return None

    # --- giving back, paying out

    def refund(self, request: RefundRequest) -> TransferResult:
        """Give money back, once. The default leaves it to a person.

        Raises:
            ProviderUnreachable: the request certainly did not arrive.
            ProviderUnavailable: nobody knows whether the provider has it.
        """
        return TransferResult(verdict=Verdict.IN_FLIGHT, needs_person=True, detail="to be paid back by hand")

    def query_refund(self, request: RefundRequest) -> TransferResult:
        """Ask what became of a refund. IN_FLIGHT: not decided, or the answer comes by ``result_url``.

        Raises:
            ProviderUnavailable: no answer.
        """
        return TransferResult(verdict=Verdict.IN_FLIGHT, needs_person=True)

    def pay_out(self, request: PayoutRequest) -> TransferResult:
        """Pay somebody, once. Errors as for ``refund``."""
        raise NotImplementedError(f"{self.name} pays nobody out")

    def query_payout(self, request: PayoutRequest) -> TransferResult:
        """Ask what became of a payout. Errors as for ``query_refund``."""
        raise NotImplementedError(f"{self.name} pays nobody out")

    # --- hearing from it

    def check_webhook(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Check who sent a webhook, over its raw bytes and in constant time; header names are lower case.

        Return False for what is not proven but worth asking about.

        Raises:
            ForgedEvent: it is not from the provider, too old or too new; nothing is kept.
            ProviderUnavailable: it cannot be checked now.
        """
        raise NotImplementedError(f"{self.name} sends no webhooks")

    def read_webhook(self, body: bytes) -> Notice:
        """Read a stored webhook.

        Raises:
            UnreadableEvent: it has no known shape.
        """
        raise NotImplementedError(f"{self.name} sends no webhooks")

    def list_movements(self, since: datetime, until: datetime) -> Sequence[StatementEntry]:
        """Return the provider's own list of movements. Asked for only where ``movements_listed`` names something.

        Raises:
            ProviderUnavailable: no answer.
        """
        return ()
