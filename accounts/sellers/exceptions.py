"""What can go wrong with sellers."""

from collections.abc import Iterable

from ecommerce.exceptions import DomainError, ErrorRow


class AlreadyApplied(DomainError):
    code = "already_applied"
    message = "You have applied already."


class ContactUnconfirmed(DomainError):
    code = "contact_unconfirmed"
    message = "Confirm your e-mail address or your phone number first."


class SellerRefused(DomainError):
    """Somebody who may not become a seller, or not by this decision."""

    code = "seller_refused"
    message = "This is not possible for this account."

    def __init__(self, message: str) -> None:
        super().__init__([ErrorRow(self.code, message)])


class InvalidSellerDecision(DomainError):
    code = "invalid_seller_decision"

    def __init__(self, status: str, allowed: Iterable[str]) -> None:
        message = f"This seller is {status}."
        super().__init__([ErrorRow(self.code, message, "status")], allowed=sorted(allowed))


class SellerNameTaken(DomainError):
    status_code = 400
    code = "display_name_taken"

    def __init__(self) -> None:
        super().__init__([ErrorRow(self.code, "Another seller has this name.", "display_name")])
