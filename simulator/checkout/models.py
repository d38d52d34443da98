"""What the checkout page shows and does, whichever provider it stands for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class CheckoutGone(Exception):
    """This checkout takes the action no longer: it is paid, expired or cancelled."""


class ActionUnknown(Exception):
    """This checkout has no such action."""


@dataclass(frozen=True)
class Action:
    """One thing the customer can do, such as ``pay-card`` or ``decline``. ``outcome`` colours the button."""

    name: str
    label: str
    outcome: str  # "paid", "failed" or "cancelled"


@dataclass(frozen=True)
class Checkout:
    provider: str
    id: str  # the last part of the page's address
    reference: str  # the merchant's own
    merchant: str
    description: str
    amount: str  # in major units, two places
    currency: str
    customer: str  # e-mail address or phone number, as far as known
    state: str  # "open", "paid", "failed", "cancelled", "expired"
    actions: tuple[Action, ...]  # empty when it is no longer open
    return_url: str = ""  # where the customer goes from a page that is no longer open
    note: str = ""  # what came of the last try, for the customer to read

    def as_json(self) -> dict[str, Any]:
        return {
            "provider": self.provider,
            "id": self.id,
            "reference": self.reference,
            "merchant": self.merchant,
            "description": self.description,
            "amount": self.amount,
            "currency": self.currency,
            "customer": self.customer,
            "state": self.state,
            "actions": [
                {"name": action.name, "label": action.label, "outcome": action.outcome} for action in self.actions
            ],
            "return_url": self.return_url,
            "note": self.note,
        }


def nobody_waits(_: Checkout) -> None:
    """Stand in for ``on_checkout_opened`` until the simulator sets it."""


class CheckoutHost(Protocol):
    """A provider with a payment page of its own."""

    name: str
    webhook_url: str  # empty: no webhooks
    # The provider calls it for each new checkout, once the merchant has its answer: a customer may act by himself.
    on_checkout_opened: Callable[[Checkout], None]

    def checkout(self, checkout_id: str) -> Checkout | None:
        """Return one checkout by the id in its address."""

    def open_checkouts(self) -> list[Checkout]:
        """Return every checkout that waits for its customer, oldest first."""

    def act(self, checkout_id: str, action: str) -> str:
        """Do what the customer chose; return where the browser goes next, empty to stay on the page.

        Raises:
            CheckoutGone, ActionUnknown: nothing was changed.
        """
