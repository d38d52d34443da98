"""What can go wrong with payments."""

from ecommerce.exceptions import DomainError


class PaymentMethodUnavailable(DomainError):
    status_code = 400
    code = "payment_method_unavailable"
    message = "This way of paying is not offered."


class AmountNotPayable(DomainError):
    status_code = 400
    code = "amount_not_payable"
    message = "This amount cannot be paid this way."


class OrderNotFound(DomainError):
    status_code = 404
    code = "not_found"
    message = "There is no such order."


class PaymentUnderReview(DomainError):
    code = "payment_under_review"
    message = "A payment for this order is being looked at by our staff. Please do not pay again."


class AlreadyPaid(DomainError):
    code = "already_paid"
    message = "This order is paid already."


class TooManyPrompts(DomainError):
    status_code = 429
    code = "too_many_prompts"
    message = "Too many payment requests to this phone number. Try again later."
    wait = 600


class UnknownCallback(DomainError):
    status_code = 404
    code = "not_found"
    message = "There is nothing at this address."


class ProviderUnavailable(Exception):
    """The provider did not answer, or not sensibly. Nothing is known: ask again later."""


class ProviderUnreachable(ProviderUnavailable):
    """The request certainly did not arrive: no connection, or refused before it was written."""


class UnreadableEvent(Exception):
    """An event's body has no shape we know. It stays open for a person."""
