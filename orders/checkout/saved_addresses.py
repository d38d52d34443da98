"""Ordering to an address of the customer's book."""

from collections.abc import Mapping
from typing import Any

from accounts.addresses.selectors import own_address
from accounts.models import User


def with_saved_address(told: Mapping[str, Any], user: User | None) -> dict[str, Any]:
    """Return what was told with a copy of the address that ``address_id`` names, if it names one.

    Call it inside the effect of an idempotent request: a repeat must find its answer though the address has gone.

    Raises:
        UnknownAddress: it is not in this customer's book; a guest has none.
    """
    contact = dict(told)
    address_id = contact.pop("address_id", None)
    return contact if address_id is None else contact | {"shipping_address": own_address(user, address_id).place}
