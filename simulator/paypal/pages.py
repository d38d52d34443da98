"""The page on which a payer approves an order."""

from decimal import Decimal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from simulator.checkout.models import Action, ActionUnknown, Checkout, CheckoutGone
from simulator.outbox import Outbox
from simulator.paypal.models import PAYER_EMAIL, PAYER_ID, Order
from simulator.paypal.money import amount_of, two_places
from simulator.paypal.orders import ACCEPTED, DECLINED, PAID, Orders

PROVIDER = "paypal"
MERCHANT = "ByteMtaani"
_ACTIONS = (
    Action("approve", "Pay with PayPal", "paid"),
    Action("approve-then-decline", "Approve with a card that is declined at the capture", "failed"),
    Action("decline", "Try a card that PayPal refuses", "failed"),
    Action("cancel", "Back to the shop", "cancelled"),
)
_STATES = {"APPROVED": "paid", "COMPLETED": "paid", "VOIDED": "expired", "EXPIRED": "expired"}


class Pages:
    def __init__(self, orders: Orders, outbox: Outbox) -> None:
        self._orders = orders
        self._outbox = outbox

    def checkout(self, checkout_id: str) -> Checkout | None:
        order = self._orders.find(checkout_id)
        return self._shown(order) if order else None

    def open_checkouts(self) -> list[Checkout]:
        return [self._shown(order) for order in self._orders.waiting()]

    def act(self, checkout_id: str, action: str) -> str:
        """Do what the payer chose. Raises: CheckoutGone, ActionUnknown."""
        order = self._orders.find(checkout_id)
        if order is None or not order.waits_for_payer:
            raise CheckoutGone
        if action not in [known.name for known in _offered(order)]:
            raise ActionUnknown
        if action == "cancel":
            return _with_token(order.cancel_url, order, payer=False)  # the order stays open, the payer may come back
        with self._outbox.sent_at_once():
            if action == "decline":
                self._orders.turn_down(order)
                return ""
            self._orders.approve(order, ACCEPTED if action == "approve" else DECLINED)
        return _with_token(order.return_url, order, payer=True)

    def _shown(self, order: Order) -> Checkout:
        total = sum((amount_of(unit["amount"]) for unit in order.units), Decimal(0))
        return Checkout(
            provider=PROVIDER,
            id=order.id,
            reference=order.reference,
            merchant=order.brand or MERCHANT,
            description=order.units[0].get("description", ""),
            amount=two_places(total),
            currency=order.currency,
            customer=PAYER_EMAIL,
            state=self._state(order),
            actions=_offered(order),
            return_url="" if order.waits_for_payer else _with_token(order.return_url, order, payer=True),
            note=order.note,
        )

    def _state(self, order: Order) -> str:
        if order.status == "COMPLETED":
            statuses = [capture["status"] for capture in self._orders.captures(order)]
            return "paid" if all(status in (*PAID, "PENDING") for status in statuses) else "failed"
        return _STATES.get(order.status, "open")


def _offered(order: Order) -> tuple[Action, ...]:
    if not order.waits_for_payer:
        return ()
    return tuple(action for action in _ACTIONS if action.name != "cancel" or order.cancel_url)


def _with_token(url: str, order: Order, *, payer: bool) -> str:
    """Return an address of the merchant's with what PayPal adds to it; empty where he named none."""
    if not url:
        return ""
    parts = urlsplit(url)
    added = {"token": order.id, **({"PayerID": PAYER_ID} if payer else {})}
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *added.items()])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, parts.fragment))
