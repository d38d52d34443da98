"""What can go wrong with gift cards and store credit."""

from decimal import Decimal

from ecommerce.exceptions import DomainError, ErrorRow


class GiftCardNotUsable(DomainError):
    """The same for one that does not exist, is switched off or has expired: nobody learns of codes by trying."""

    status_code = 404
    code = "gift_card_not_usable"
    message = "There is no gift card with this code that can be used."

    def __init__(self) -> None:
        super().__init__([ErrorRow(self.code, self.message, "code")])


class GiftCardEmpty(DomainError):
    code = "gift_card_empty"
    message = "Nothing is left on this gift card."


class GiftCardBuysNone(DomainError):
    code = "gift_card_buys_none"
    message = "Gift cards are not paid with a gift card or store credit."


class GiftCardSent(DomainError):
    code = "gift_card_sent"
    message = "The gift card has been sent already."


class GiftCardSpent(DomainError):
    """``held`` is what the gift cards of the order that are spent, or partly spent, were sold for."""

    code = "gift_card_spent"

    def __init__(self, held: Decimal) -> None:
        self.message = f"Gift cards of this order that were sold for {held} have been spent: so much does not go back."
        super().__init__(held=str(held))


class GiftCardIndivisible(DomainError):
    """``worth`` is what the cards that would be taken back were sold for."""

    code = "gift_card_indivisible"

    def __init__(self, worth: Decimal) -> None:
        self.message = f"Gift cards are taken back whole: give back {worth} or more, or nothing for them."
        super().__init__(worth=str(worth))


class NoStoreCredit(DomainError):
    code = "no_store_credit"

    def __init__(self, currency: str) -> None:
        self.message = f"You have no credit in {currency}."
        super().__init__()


class CreditTooSmall(DomainError):
    """``left`` is what could be taken."""

    status_code = 400
    code = "credit_too_small"

    def __init__(self, left: Decimal) -> None:
        self.message = f"Only {left} is left."
        super().__init__([ErrorRow(self.code, self.message, "amount")], left=str(left))


class CreditAmountInvalid(DomainError):
    status_code = 400
    code = "credit_amount_invalid"
    message = "This is no amount of this currency."

    def __init__(self) -> None:
        super().__init__([ErrorRow(self.code, self.message, "amount")])


class GiftCardInOtherCurrency(DomainError):
    status_code = 400
    code = "gift_card_currency"

    def __init__(self, currency: str) -> None:
        self.message = f"This gift card is in {currency}, the order is not."
        super().__init__([ErrorRow(self.code, self.message, "code")])


class RefundNotToCredit(DomainError):
    status_code = 400
    code = "refund_not_to_credit"

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__([ErrorRow(self.code, message, "to")])


class GiftCardHasNoRecipient(DomainError):
    code = "gift_card_has_no_recipient"
    message = "No e-mail address is known for this gift card."
