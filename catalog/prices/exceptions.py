"""What can go wrong with price lists."""

from collections.abc import Sequence

from ecommerce.exceptions import DomainError, ErrorRow


class PeriodBackwards(DomainError):
    status_code = 400
    code = "period_backwards"
    message = "A price list begins before it ends."


class InvalidPrices(DomainError):
    """One row for each price that is wrong: ``unknown_variant``, ``wrong_currency`` or ``break_twice``."""

    status_code = 400
    code = "invalid_prices"


class PriceColumnsUnclear(DomainError):
    """The header does not say what an upload needs, or says what nobody knows."""

    status_code = 400
    code = "price_columns"

    def __init__(self, detail: str) -> None:
        super().__init__([ErrorRow(self.code, detail, "file")])


class TooManyPrices(DomainError):
    status_code = 413
    code = "too_many_prices"

    def __init__(self, most: int) -> None:
        super().__init__([ErrorRow(self.code, f"A file may have {most:,} prices. Upload it in parts.", "file")])


class PriceLinesWrong(DomainError):
    """``rows`` are the first of ``bad_lines``; nothing of the file was kept."""

    status_code = 400
    code = "price_lines_wrong"

    def __init__(self, rows: Sequence[ErrorRow], *, bad_lines: int) -> None:
        super().__init__(rows, bad_lines=bad_lines)


class ReplacingSkips(DomainError):
    status_code = 400
    code = "replacing_skips"
    message = "What a bad line names would be removed: a file that replaces the list must be right as a whole."


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
