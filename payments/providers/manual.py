"""Ways of paying that only people see: cash at the door, and transfers to the shop's bank account.

Nothing is asked over a network. An attempt stays open until staff say that the money is here, or that it never came.
"""

from datetime import timedelta
from decimal import Decimal

from django.conf import settings

from ecommerce.currencies import InexactAmount, UnknownCurrency, minor_units
from ecommerce.money import format_money
from payments import outcomes
from payments.exceptions import AmountNotPayable
from payments.providers.base import (
    AttemptFacts,
    Charge,
    InitiateRequest,
    InitiateResult,
    PaymentProvider,
    ProviderResult,
    Verdict,
)
from payments.providers.values import LARGEST


class ManualProvider(PaymentProvider):
    name = "manual"
    methods: tuple[str, ...] = ("cash_on_delivery", "bank_transfer")
    initiate_is_repeatable = True
    can_be_superseded = True

    def __init__(self) -> None:
        self._bank_instructions: str = settings.MANUAL["BANK_INSTRUCTIONS"]
        if not self._bank_instructions:
            self.methods = ("cash_on_delivery",)  # nobody could know where to pay to

    def payable_amount(self, amount: Decimal, currency: str) -> Charge:
        try:
            units = minor_units(amount, currency)
        except (InexactAmount, UnknownCurrency):
            raise AmountNotPayable() from None
        if units <= 0 or amount >= LARGEST:
            raise AmountNotPayable()
        return Charge(amount, currency)

    def initiate(self, request: InitiateRequest) -> InitiateResult:
        """Tell the customer what to do; nothing is sent."""
        if request.method not in self.methods:
            return InitiateResult(accepted=False, outcome=outcomes.MISCONFIGURED, detail="no bank account is set up")
        price = format_money(request.amount, request.currency)
        if request.method == "cash_on_delivery":
            instructions = f"Please have {price} ready when your order arrives."
        else:
            # The order's number is what a person types; it must be the same on every try.
            instructions = (
                f"Please transfer {price}.\nReason for payment: {request.order_number}\n{self._bank_instructions}"
            )
        return InitiateResult(
            accepted=True,
            provider_reference=request.reference,
            outcome=outcomes.AWAITING_MONEY,
            instructions=instructions,
        )

    def query(self, attempt: AttemptFacts) -> ProviderResult:
        """Nobody can be asked: staff will say."""
        return ProviderResult(
            verdict=Verdict.IN_FLIGHT, provider_reference=attempt.reference, outcome=outcomes.AWAITING_MONEY
        )

    def query_delays(self) -> tuple[int, ...]:
        return ()

    @property
    def lifetime(self) -> timedelta:
        lifetime: timedelta = settings.MANUAL["LIFETIME"]
        return lifetime
