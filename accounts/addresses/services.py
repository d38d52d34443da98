"""Changing the address book.

Whoever changes it holds the lock of its customer's row: counting, and moving a default from one address to another, are
then exact however many requests come at once.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.addresses import MOST_ADDRESSES
from accounts.addresses.exceptions import TooManyAddresses
from accounts.addresses.models import PLACE_FIELDS, Address
from accounts.models import User
from ecommerce.geography.addresses import checked_address
from ecommerce.geography.counties import KENYA

DEFAULTS = ("is_default_shipping", "is_default_billing")


@transaction.atomic
def add_address(user: User, *, told: Mapping[str, Any]) -> Address:
    """Add an address. The first one is the default for everything, unless it says otherwise.

    Raises:
        TooManyAddresses: the book is full.
        ValidationError: see ``checked_address``.
    """
    _lock(user)
    present = Address.objects.filter(user=user).count()
    if present >= MOST_ADDRESSES:
        raise TooManyAddresses()
    address = Address(user=user)
    _fill(address, dict.fromkeys(DEFAULTS, present == 0) | dict(told))
    return address


@transaction.atomic
def change_address(user: User, address_id: UUID, *, told: Mapping[str, Any], is_whole: bool) -> Address:
    """Change what is told of an address; with ``is_whole`` everything else is emptied.

    What is told is put into the row under its lock and checked as a whole: two changes at once cannot make an address
    that neither of them would have been allowed.

    Raises:
        Address.DoesNotExist: this user has no such address.
        ValidationError: see ``checked_address``.
    """
    _lock(user)
    address = Address.objects.get(pk=address_id, user=user)
    kept = {} if is_whole else {name: getattr(address, name) for name in ("label", *PLACE_FIELDS, *DEFAULTS)}
    _fill(address, kept | dict(told))
    return address


@transaction.atomic
def delete_address(user: User, address_id: UUID) -> None:
    """Delete an address; a default then has no successor until one is chosen. Deleting it twice is fine."""
    _lock(user)
    Address.objects.filter(pk=address_id, user=user).delete()


def _lock(user: User) -> None:
    User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)


def _fill(address: Address, told: Mapping[str, Any]) -> None:
    """Put all of ``told`` into the row, empty the rest, take defaults from the others, and save."""
    place = checked_address({name: told[name] for name in PLACE_FIELDS if name in told} | _country(told))
    address.label = told.get("label", "")
    for name in PLACE_FIELDS:
        setattr(address, name, place.get(name, ""))
    for name in DEFAULTS:
        setattr(address, name, told.get(name, False))
        if getattr(address, name):  # before this one becomes it: at no moment there are two
            Address.objects.filter(user=address.user_id, **{name: True}).exclude(pk=address.pk).update(**{name: False})
    address.save()


def _country(told: Mapping[str, Any]) -> dict[str, str]:
    return {"country": told.get("country") or KENYA}
