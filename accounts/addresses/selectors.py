"""Reading the address book."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.addresses.exceptions import UnknownAddress
from accounts.addresses.models import Address
from accounts.models import User


def addresses_of(user: User) -> QuerySet[Address]:
    """A customer's own: the default for shipping first, then newest first."""
    return Address.objects.filter(user=user)


def own_address(user: User | None, address_id: UUID) -> Address:
    """Return the address that a request names in its body.

    Raises:
        UnknownAddress: it is not this customer's; whether it is somebody else's is not told.
    """
    found = addresses_of(user).filter(pk=address_id).first() if user is not None else None
    if found is None:
        raise UnknownAddress()
    return found
