"""What can keep somebody from being erased."""

from ecommerce.exceptions import DomainError


class ErasureRefused(DomainError):
    """An order or money is open, or the account does more than buy. A row for each, by name."""

    code = "erasure_refused"
    message = "The account cannot be erased yet."
