"""What can go wrong with documents."""

from ecommerce.exceptions import DomainError


class InvoiceNotIssued(DomainError):
    code = "invoice_not_issued"
    message = "There is no invoice yet: it is issued when the order is paid."


class DocumentDoesNotAddUp(RuntimeError):
    """The parts of an order are not its total; no document may be issued before somebody has looked."""
