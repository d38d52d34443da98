"""What can go wrong with the address book."""

from accounts.addresses import MOST_ADDRESSES
from ecommerce.exceptions import DomainError, ErrorRow


class TooManyAddresses(DomainError):
    code = "too_many_addresses"
    message = f"At most {MOST_ADDRESSES} addresses can be kept. Delete one first."


class UnknownAddress(DomainError):
    """The request names an address that is not in the customer's own book."""

    status_code = 400
    code = "address_unknown"
    message = "You have no such address."

    def __init__(self, attr: str = "address_id") -> None:
        super().__init__([ErrorRow(self.code, self.message, attr)])
