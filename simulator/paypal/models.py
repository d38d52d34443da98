"""An order as the simulator holds it, and how PayPal writes it."""

from dataclasses import asdict, dataclass, field
from typing import Any

from simulator.documents import Document
from simulator.faults import Fault
from simulator.outbox import EventFaults, without_prefix
from simulator.paypal.identifiers import timestamp

MERCHANT_ID = "SHQP234567ABC"
PAYER_ID = "BUYER23456789"
PAYER_EMAIL = "buyer@example.com"
PAYER_NAME = {"given_name": "Amina", "surname": "Otieno"}


@dataclass(frozen=True)
class Order:
    """``units`` are the purchase units as the merchant sent them, amounts normalised.

    ``base`` is where the merchant reaches PayPal's API, ``origin`` the simulator's pages. ``instrument`` is what the
    payer chose: nothing yet, one that pays, or one that will be declined.
    """

    id: str
    units: list[dict[str, Any]]
    base: str
    origin: str
    created_at: float
    with_source: bool
    status: str
    return_url: str = ""
    cancel_url: str = ""
    brand: str = ""
    instrument: str = ""
    updated_at: float = 0.0
    note: str = ""  # what came of the payer's last try
    faults: tuple[Fault, ...] = ()
    calls: dict[str, int] = field(default_factory=dict)  # by stage: how many of the faults kept for it are used up

    @classmethod
    def from_document(cls, document: Document) -> "Order":
        faults = tuple(Fault(item.pop("fault"), item) for item in document["faults"])
        return cls(**{**document, "faults": faults})

    def as_document(self) -> Document:
        return {**asdict(self), "faults": [fault.as_json() for fault in self.faults]}

    def fault(self, name: str) -> Fault | None:
        return next((fault for fault in self.faults if fault.name == name), None)

    @property
    def reference(self) -> str:
        """Return the merchant's own reference."""
        first = self.units[0]
        found: str = first.get("custom_id") or first.get("invoice_id") or first["reference_id"]
        return found

    @property
    def currency(self) -> str:
        code: str = self.units[0]["amount"]["currency_code"]
        return code

    @property
    def first_status(self) -> str:
        """Return the status in which the order waits for its payer."""
        return "PAYER_ACTION_REQUIRED" if self.with_source else "CREATED"

    @property
    def waits_for_payer(self) -> bool:
        return self.status == self.first_status

    @property
    def webhook_faults(self) -> EventFaults:
        """Return the faults of the webhooks that tell how the payment ended."""
        return without_prefix(self.faults, "paypal_webhook")

    @property
    def approval_faults(self) -> EventFaults:
        return without_prefix(self.faults, "paypal_approval")


def order_view(order: Order, captures: list[Document], refunds: list[Document]) -> Document:
    """Write an order with its payments. ``captures`` and ``refunds`` have the number of their unit in ``unit``."""
    units = []
    for number, unit in enumerate(order.units):
        written = {**unit, "payee": {"email_address": "merchant@example.com", "merchant_id": MERCHANT_ID}}
        taken = [capture_view(capture, order) for capture in captures if capture["unit"] == number]
        given_back = [refund_view(refund, order) for refund in refunds if refund["unit"] == number]
        if taken:
            written["payments"] = {"captures": taken}
            if given_back:
                written["payments"]["refunds"] = given_back
        units.append(written)
    view: Document = {
        "id": order.id,
        "intent": "CAPTURE",
        "status": order.status,
        "purchase_units": units,
        "create_time": timestamp(order.created_at),
        "links": _order_links(order),
    }
    if order.updated_at:
        view["update_time"] = timestamp(order.updated_at)
    approved = order.status in ("APPROVED", "COMPLETED")
    if approved:
        view["payer"] = {
            "name": PAYER_NAME,
            "email_address": PAYER_EMAIL,
            "payer_id": PAYER_ID,
            "address": {"country_code": "US"},
        }
        account = {"email_address": PAYER_EMAIL, "account_id": PAYER_ID, "account_status": "VERIFIED"}
        view["payment_source"] = {"paypal": {**account, "name": PAYER_NAME, "address": {"country_code": "US"}}}
    elif order.with_source:
        view["payment_source"] = {"paypal": {}}
    return view


def _order_links(order: Order) -> list[dict[str, str]]:
    own = f"{order.base}/v2/checkout/orders/{order.id}"
    links = [{"href": own, "rel": "self", "method": "GET"}]
    page = f"{order.origin}/checkout/paypal/{order.id}"
    if order.waits_for_payer:
        links.append({"href": page, "rel": "payer-action" if order.with_source else "approve", "method": "GET"})
    if order.status in ("CREATED", "APPROVED"):
        links.append({"href": f"{own}/capture", "rel": "capture", "method": "POST"})
    return links


def payer_link(order: Order, rel: str) -> dict[str, str]:
    return {"href": f"{order.origin}/checkout/paypal/{order.id}", "rel": rel, "method": "GET"}


def capture_view(capture: Document, order: Order, *, related: bool = False) -> Document:
    own = f"{order.base}/v2/payments/captures/{capture['id']}"
    view = {name: value for name, value in capture.items() if name != "unit"}
    if related:
        view["supplementary_data"] = {"related_ids": {"order_id": order.id}}
    view["links"] = [
        {"href": own, "rel": "self", "method": "GET"},
        {"href": f"{own}/refund", "rel": "refund", "method": "POST"},
        {"href": f"{order.base}/v2/checkout/orders/{order.id}", "rel": "up", "method": "GET"},
    ]
    return view


def refund_view(refund: Document, order: Order) -> Document:
    view = {name: value for name, value in refund.items() if name not in ("unit", "capture")}
    view["links"] = [
        {"href": f"{order.base}/v2/payments/refunds/{refund['id']}", "rel": "self", "method": "GET"},
        {"href": f"{order.base}/v2/payments/captures/{refund['capture']}", "rel": "up", "method": "GET"},
    ]
    return view


def minimal(view: Document) -> Document:
    """Return what ``Prefer: return=minimal`` leaves of a resource.

    The documentation says id, status and links. A captured order's minimal form has its captures and its payer as well,
    but not the amounts of its units. Source: sandbox traffic, reported in PayPal's Checkout-Ruby-SDK, issue 24.
    """
    left: Document = {name: view[name] for name in ("id", "status", "payment_source", "payer", "links") if name in view}
    captured = [unit for unit in view.get("purchase_units", ()) if "payments" in unit]
    if captured:
        left["purchase_units"] = [{name: unit[name] for name in ("reference_id", "payments")} for unit in captured]
    return left
