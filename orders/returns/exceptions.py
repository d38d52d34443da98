"""What can go wrong with returns."""

from ecommerce.exceptions import DomainError
from orders.returns.models import Return


class InvalidReturnTransition(DomainError):
    code = "invalid_return_transition"

    def __init__(self, goods_return: Return, target: str) -> None:
        self.message = f"A return that is {goods_return.status} cannot become {target}."
        super().__init__(status=goods_return.status, allowed=sorted(Return.TRANSITIONS[goods_return.status]))


class OrderNotReturnable(DomainError):
    code = "order_not_returnable"
    message = "Nothing of this order has been shipped and paid, or it has ended."


class ItemNotReturnable(DomainError):
    """With one row for each item that is not sent anywhere."""

    code = "item_not_returnable"
    message = "Only goods can be returned."


class UnitsNotReturnable(DomainError):
    """With one row for each item of which fewer units are with the customer."""

    code = "units_not_returnable"
    message = "So many units cannot be returned."


class ReturnWindowOver(DomainError):
    """``ended_at`` says since when."""

    code = "return_window_over"
    message = "The time in which this order could be returned is over."


class ItemNamedTwice(DomainError):
    status_code = 400
    code = "item_named_twice"
    message = "This item is named before already."


class NothingReceived(DomainError):
    status_code = 400
    code = "nothing_received"
    message = "Name at least one unit that has arrived, or cancel the return."


class FeeTooLarge(DomainError):
    status_code = 400
    code = "restocking_fee_too_large"
    message = "The fee is more than the goods are worth."


class ShippingGivenBack(DomainError):
    code = "shipping_given_back"
    message = "The charge for shipping was given back with another return of this order."


class StoreCreditUnavailable(DomainError):
    code = "store_credit_unavailable"
    message = "The shop gives no store credit now. Choose a refund or an exchange."


class ExchangeUnavailable(DomainError):
    """With one row for each item whose wanted variant is unknown, not for sale, or of another price."""

    code = "exchange_unavailable"
    message = "This cannot be had in exchange."
