"""What can go wrong with baskets and orders."""

from collections.abc import Sequence
from decimal import Decimal

from django.conf import settings

from ecommerce.exceptions import DomainError, ErrorRow
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


class TotalChanged(DomainError):
    """The order would cost something else than was expected; ``extra`` has the ``total_amount`` and its currency."""

    code = "total_changed"

    def __init__(self, order: Order) -> None:
        self.message = f"The total is now {order.total_amount} {order.currency}. Look at it again; nothing was done."
        rows = [ErrorRow(self.code, self.message, "expected_total")]
        super().__init__(rows, total_amount=str(order.total_amount), currency=order.currency)


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


class OrderNotFound(DomainError):
    status_code = 404
    code = "not_found"
    message = "There is no such order."


class ContactRequired(DomainError):
    status_code = 400
    code = "contact_required"

    def __init__(self) -> None:
        message = "Give an email or a phone_number, or log in: we must be able to reach you."
        super().__init__([ErrorRow(self.code, message, "email")])


class TooManyUnpaidOrders(DomainError):
    code = "too_many_unpaid_orders"
    message = f"You have {settings.ORDER_MAX_UNPAID} orders that are not paid. Pay or cancel one of them first."


class TooManyUnitsHeld(DomainError):
    code = "too_many_units_held"
    message = f"At most {settings.ORDER_MAX_UNITS_HELD} of one product in orders that are not paid."

    def __init__(self, positions: Sequence[int]) -> None:
        super().__init__([ErrorRow(self.code, self.message, f"items.{position}.quantity") for position in positions])


class ShippingMethodRequired(DomainError):
    status_code = 400
    code = "shipping_method_required"

    def __init__(self, attr: str) -> None:
        message = "Choose how it is brought to you: a shipping method that serves your address."
        super().__init__([ErrorRow(self.code, message, attr)])


class PayAtDoorRefused(DomainError):
    code = "pay_at_door_refused"

    def __init__(self, limit: Decimal) -> None:
        message = f"At the door at most {limit} can be paid there." if limit else "There it cannot be paid at the door."
        super().__init__([ErrorRow(self.code, message, "payment_method")], limit=str(limit))
