"""What can go wrong when somebody says for whom a gift card is."""

from ecommerce.exceptions import DomainError


class NoGiftCard(DomainError):
    """The order has no such line, or other goods are on it."""

    status_code = 404
    code = "no_gift_card"
    message = "This order has no gift card there."


class GiftCardOver(DomainError):
    code = "gift_card_over"
    message = "This order was cancelled or paid back."
