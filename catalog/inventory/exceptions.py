"""What can go wrong with warehouses and what lies in them."""

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
