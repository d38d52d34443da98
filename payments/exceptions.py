"""What can go wrong with payments."""

from decimal import Decimal

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


class ReceivedMoneyDecided(DomainError):
    code = "received_money_decided"
    message = "This money is on no work list any more."


class NothingToAttachTo(DomainError):
    status_code = 400
    code = "order_takes_no_money"
    message = "There is no order of that number that waits for money in this currency."


class NothingToRefund(DomainError):
    code = "nothing_to_refund"
    message = "Nothing was paid, or all of it went back."


class RefundTooLarge(DomainError):
    status_code = 400
    code = "refund_too_large"

    def __init__(self, left: Decimal) -> None:
        self.message = f"Only {left} is left to be refunded."
        super().__init__(left=str(left))


class RefundInProgress(DomainError):
    code = "refund_in_progress"
    message = "An earlier refund of this payment is not finished."


class RefundNotByHand(DomainError):
    code = "refund_not_by_hand"
    message = "This refund does not wait for a person."


class UnknownCallback(DomainError):
    status_code = 404
    code = "not_found"
    message = "There is nothing at this address."


class ProviderUnavailable(Exception):
    """The provider did not answer, or not sensibly. Nothing is known: ask again later."""


class ProviderUnreachable(ProviderUnavailable):
    """The request certainly did not arrive: no connection, or refused before it was written."""


class ForgedEvent(Exception):
    """An event that the provider did not send, or not now. Nothing of it is kept but a count."""


class UnreadableEvent(Exception):
    """An event's body has no shape we know. It stays open for a person."""
