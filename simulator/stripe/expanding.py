"""``expand[]``: ids replaced by the objects they name. Source: Stripe API reference, Expanding responses."""

from collections.abc import Callable
from typing import Any

from simulator.documents import Document, Documents
from simulator.stripe.errors import invalid

DEEPEST = 4
# Fields that can be expanded, and the kinds their ids may be of.
_KINDS: dict[str, tuple[str, ...]] = {
    "balance_transaction": ("balance_transaction",),
    "charge": ("charge",),
    "failure_balance_transaction": ("balance_transaction",),
    "latest_charge": ("charge",),
    "payment_intent": ("payment_intent",),
    "payment_method": ("payment_method",),
    "source": ("charge", "refund", "dispute", "transfer", "transfer_reversal"),
    "source_transaction": ("charge",),
    "transfer": ("transfer",),
}
_ALWAYS_EMPTY = ("customer", "application", "invoice", "on_behalf_of", "review", "subscription", "setup_intent")


class Expander:
    def __init__(self, documents: Documents, line_items: Callable[[str], Document]) -> None:
        self._documents = documents
        self._line_items = line_items

    def expand(self, document: Document, paths: list[str]) -> Document:
        """Return a document with the objects at these dotted paths in place of their ids.

        Raises:
            StripeError: a path is too deep, or names nothing that can be expanded.
        """
        for path in paths:
            names = path.split(".")
            if len(names) > DEEPEST:
                raise invalid(
                    f"You cannot expand more than {DEEPEST} levels of a property: {path}.",
                    code="property_expansion_max_depth",
                    param="expand",
                )
            document = self._expand(document, names, path)
        return document

    def _expand(self, document: Document, names: list[str], path: str) -> Document:
        name, rest = names[0], names[1:]
        if name == "data" and document.get("object") == "list" and rest:
            return {**document, "data": [self._expand(item, rest, path) for item in document["data"]]}
        if name == "line_items" and document["object"] == "checkout.session" and not rest:
            return {**document, "line_items": self._line_items(document["id"])}
        found = self._found(document, name, path)
        if isinstance(found, dict) and rest:
            found = self._expand(found, rest, path)
        return {**document, name: found}

    def _found(self, document: Document, name: str, path: str) -> Any:
        value = document.get(name)
        if name not in document or name not in (*_KINDS, *_ALWAYS_EMPTY):
            raise invalid(f"This property cannot be expanded ({path}).", param="expand")
        if not isinstance(value, str):
            return value
        for kind in _KINDS[name]:
            if found := self._documents.get(kind, value):
                return found
        return value
