"""The events that other systems may be told of: what each means, and the JSON schema of its ``data``."""

from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]

PING = "webhook.ping"

_UUID: Schema = {"type": "string", "format": "uuid"}
_OPTIONAL_UUID: Schema = {"type": ["string", "null"], "format": "uuid"}
_MONEY: Schema = {"type": "string", "pattern": r"^-?\d+\.\d{2}$"}
_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer"}


def _object(properties: dict[str, Schema], *, optional: tuple[str, ...] = ()) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": True}


_ORDER = _object(
    {
        "id": _UUID,
        "number": _TEXT,
        "status": _TEXT,
        "from_status": _TEXT,
        "user_id": _OPTIONAL_UUID,
        "currency": _TEXT,
        "total_amount": _MONEY,
        "items": {
            "type": "array",
            "items": _object(
                {
                    "id": _UUID,
                    "product_id": _UUID,
                    "variant_id": _UUID,
                    "sku": _TEXT,
                    "quantity": _WHOLE,
                    "price": _MONEY,
                }
            ),
        },
        "truncated": {"type": "boolean"},
    },
    optional=("from_status", "items", "truncated"),
)
_PAYMENT = _object(
    {
        "id": _UUID,
        "order_id": _UUID,
        "user_id": _OPTIONAL_UUID,
        "provider": _TEXT,
        "amount": _MONEY,
        "currency": _TEXT,
        "outcome": _TEXT,
    },
    optional=("amount", "currency", "outcome"),
)
_REFUND = _object(
    {
        "id": _UUID,
        "order_id": _UUID,
        "payment_id": _UUID,
        "user_id": _OPTIONAL_UUID,
        "amount": _MONEY,
        "currency": _TEXT,
    }
)
_RETURN = _object({"id": _UUID, "order_id": _UUID, "user_id": _OPTIONAL_UUID, "number": _TEXT, "status": _TEXT})
_PRODUCT = _object(
    {
        "id": _UUID,
        "for_sale": {"type": "boolean"},
        "product_name": _TEXT,
        "url_key": _TEXT,
        "price": _MONEY,
        "currency": _TEXT,
        "in_stock": {"type": "boolean"},
    },
    optional=("product_name", "url_key", "price", "currency", "in_stock"),
)
_STOCK = _object(
    {"id": _UUID, "product_id": _UUID, "sku": _TEXT, "available": _WHOLE, "threshold": _WHOLE}, optional=("threshold",)
)
_USER = _object({"id": _UUID, "by": _TEXT})
_NOTHING = _object({"id": _UUID})


@dataclass(frozen=True)
class Kind:
    name: str
    summary: str
    data: Schema

    @property
    def schema(self) -> Schema:
        """The JSON schema of the whole body."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.name,
            "description": self.summary,
            "type": "object",
            "properties": {
                "type": {"const": self.name},
                "timestamp": {"type": "string", "format": "date-time"},
                "sequence": {"type": "integer", "description": "Grows with each event of the same object."},
                "data": self.data,
            },
            "required": ["type", "timestamp", "sequence", "data"],
        }


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("order.placed", "Somebody has ordered; the stock is reserved.", _ORDER),
        Kind("order.paid", "An order is paid in full.", _ORDER),
        Kind("order.shipped", "The last of an order is on its way.", _ORDER),
        Kind("order.delivered", "An order has arrived.", _ORDER),
        Kind("order.cancelled", "An order is cancelled, by somebody or because it was not paid.", _ORDER),
        Kind("order.refunded", "All that was paid for an order has gone back.", _ORDER),
        Kind("payment.succeeded", "All that an order costs has arrived.", _PAYMENT),
        Kind("payment.failed", "A try to pay ended without money; `outcome` says why. There may be another.", _PAYMENT),
        Kind("refund.succeeded", "Money has gone back to the customer.", _REFUND),
        Kind("return.requested", "A customer wants to give goods back.", _RETURN),
        Kind("return.approved", "The goods may be sent back.", _RETURN),
        Kind("return.rejected", "The goods are not taken back.", _RETURN),
        Kind("return.received", "The goods have come back.", _RETURN),
        Kind("return.refunded", "What the goods were worth is promised back.", _RETURN),
        Kind("return.exchanged", "Other goods are on order for those that came back.", _RETURN),
        Kind("return.cancelled", "Nothing comes back.", _RETURN),
        Kind("product.changed", "A product, its price or whether it can be had is another; often told once.", _PRODUCT),
        Kind("stock.low", "Of a variant fewer are left than its threshold.", _STOCK),
        Kind("stock.back", "A product that customers wait for can be had again.", _PRODUCT),
        Kind("user.registered", "Somebody has signed up.", _USER),
        Kind(PING, "A test, asked for by staff.", _NOTHING),
    )
}
# What may be subscribed to; a ping goes where it was asked for.
SUBSCRIBABLE = tuple(name for name in KINDS if name != PING)
