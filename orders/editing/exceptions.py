"""Why an order cannot be edited."""

from ecommerce.exceptions import DomainError, ErrorRow


class OrderNotEditable(DomainError):
    code = "order_not_editable"

    def __init__(self, status: str) -> None:
        self.message = f"An order that is {status} is not edited any more. Cancel some of it, or take it back."
        super().__init__(status=status)


class OrderChanged(DomainError):
    """``extra`` has the order's present ``etag``, ``updated_at`` and ``total_amount``."""

    status_code = 412
    code = "order_changed"
    message = "Somebody has changed this order since you read it. Read it again; nothing was written."


class VersionRequired(DomainError):
    status_code = 428
    code = "version_required"
    message = "Say which order you have seen: send its ETag as If-Match, or the total that you expect."


class NothingToChange(DomainError):
    status_code = 400
    code = "nothing_to_change"
    message = "This changes nothing."


class NothingLeft(DomainError):
    code = "nothing_left"
    message = "Nothing would be left of the order. Cancel it instead."


class TooManyOfAnOrder(DomainError):
    status_code = 400
    code = "quantity_too_large"

    def __init__(self, lines: int, units: int, attr: str | None = None) -> None:
        message = f"An order has at most {lines} lines, of at most {units} units each."
        super().__init__([ErrorRow(self.code, message, attr)])


class NothingToBring(DomainError):
    status_code = 400
    code = "nothing_to_bring"
    message = "Nothing of this order is brought anywhere, so it needs no shipping method."


class DiscountNotAllowed(DomainError):
    status_code = 403
    code = "discount_not_allowed"
    message = "You may not give this order a discount by hand: that needs a right, and another's order."


class StatusFollowsMoney(DomainError):
    code = "status_follows_money"
    message = "An order is paid, or refunded, when its money has moved: record the payment or the refund."
