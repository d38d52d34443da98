"""What can go wrong with baskets and orders."""

from ecommerce.exceptions import DomainError
from orders.models import Order


class InvalidOrderTransition(DomainError):
    code = "invalid_order_transition"

    def __init__(self, order: Order, target: str) -> None:
        self.message = f"An order that is {order.status} cannot become {target}."
        super().__init__(status=order.status, allowed=sorted(order.next_statuses))


class OrderNotPayable(DomainError):
    code = "order_not_payable"
    message = "This order is not waiting for a payment."


class CartEmpty(DomainError):
    status_code = 400
    code = "cart_empty"
    message = "The cart is empty."


class PriceChanged(DomainError):
    code = "price_changed"
    message = "The price has changed since it was put into the cart."


class MixedCurrencies(DomainError):
    status_code = 400
    code = "mixed_currencies"
    message = "All items of an order must have one currency."


class TotalTooLarge(DomainError):
    status_code = 400
    code = "total_too_large"
    message = "The total is larger than an order can have."


class OrderBeingPaid(DomainError):
    code = "order_being_paid"
    message = "A payment for this order is still open. Wait until it has ended, then cancel."


class UnknownOrderItem(DomainError):
    status_code = 400
    code = "unknown_order_item"
    message = "The order has no such item."


class UnitsNotOpen(DomainError):
    """With one row for each item of which fewer units are left to be shipped."""

    code = "units_not_open"
    message = "So many units cannot be cancelled."


class NothingLeftToPay(DomainError):
    code = "nothing_left_to_pay"
    message = "What would be left costs nothing. Cancel the whole order instead."


class ReplacementIndivisible(DomainError):
    code = "replacement_indivisible"
    message = "An order that was made in exchange for other goods can only be cancelled as a whole."
