"""What can go wrong with warehouses and what lies in them."""

from collections.abc import Sequence

from ecommerce.exceptions import DomainError, ErrorRow


class InsufficientInWarehouse(DomainError):
    code = "insufficient_in_warehouse"
    message = "There is not so much in this warehouse."


class UnknownInRequest(DomainError):
    """Something that a request names is not there; a row each, of what is wrong with it."""

    status_code = 400
    code = "unknown"


class SameWarehouse(DomainError):
    status_code = 400
    code = "same_warehouse"
    message = "Goods are transferred from one warehouse to another one."

    def __init__(self) -> None:
        super().__init__([ErrorRow(self.code, self.message, "to_warehouse")])


class AvailabilityNotWhole(DomainError):
    """How a variant is sold beyond what is here lacks something, or says two things at once."""

    status_code = 400
    code = "availability_not_whole"

    @classmethod
    def about(cls, attr: str, detail: str) -> "AvailabilityNotWhole":
        return cls([ErrorRow(cls.code, detail, attr)])


class WarehouseClosed(DomainError):
    code = "warehouse_closed"
    message = "This warehouse is closed: no goods come into it."


class WarehouseNotEmpty(DomainError):
    code = "warehouse_not_empty"

    def __init__(self, units: int) -> None:
        self.message = f"{units} units lie in this warehouse. Transfer them first."
        super().__init__(units=units)


class WarehouseIsDefault(DomainError):
    code = "warehouse_is_default"
    message = "This is the default warehouse. Make another one the default first."


class WarehouseInLedger(DomainError):
    code = "warehouse_in_ledger"
    message = "Goods have been in this warehouse, and the ledger keeps that. Close it (is_active: false) instead."


class CountUnreadable(DomainError):
    """Nothing of the file was kept."""

    status_code = 400
    code = "count_unreadable"

    def __init__(self, detail: str, *, code: str = "", attr: str = "file") -> None:
        super().__init__([ErrorRow(code or self.code, detail, attr)])


class CountLinesUnreadable(DomainError):
    """``bad`` are a line's number, a code and what is wrong: the first of ``bad_lines``; nothing was kept."""

    status_code = 400
    code = "count_line_unreadable"

    def __init__(self, bad: Sequence[tuple[int, str, str]], *, bad_lines: int) -> None:
        rows = [ErrorRow(code, f"Line {line}: {detail}", f"file.{line}") for line, code, detail in bad]
        super().__init__(rows, bad_lines=bad_lines)


class CountTooLarge(DomainError):
    status_code = 413
    code = "count_too_large"

    def __init__(self, most: str) -> None:
        super().__init__([ErrorRow(self.code, f"A count has at most {most}. Count in parts.", "file")])


class CountStarted(DomainError):
    code = "count_started"
    message = "This count is in the ledger already, or on its way into it."
