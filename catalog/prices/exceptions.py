"""What can go wrong with price lists."""

from ecommerce.exceptions import DomainError


class PeriodBackwards(DomainError):
    status_code = 400
    code = "period_backwards"
    message = "A price list begins before it ends."


class InvalidPrices(DomainError):
    """One row for each price that is wrong: ``unknown_variant``, ``wrong_currency`` or ``break_twice``."""

    status_code = 400
    code = "invalid_prices"


class CurrencyFixed(DomainError):
    code = "currency_fixed"
    message = "The currency of a list with prices in it stays what it is."


class GroupInUse(DomainError):
    code = "group_in_use"
    message = "A price list is for this group; delete that list, or give it to another group, first."


class UnknownUser(DomainError):
    status_code = 400
    code = "unknown_user"
    message = "There is no such user."
