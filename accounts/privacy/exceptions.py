"""What can keep somebody from being erased."""

from ecommerce.exceptions import DomainError, ErrorRow


class ErasureRefused(DomainError):
    """An order or money is open, or the account does more than buy. A row for each, by name."""

    code = "erasure_refused"
    message = "The account cannot be erased yet."


class ProofRefused(DomainError):
    status_code = 403
    code = "proof_refused"
    message = "This is not the account's password or a valid code."

    def __init__(self, attr: str) -> None:
        super().__init__([ErrorRow(self.code, self.message, attr)])
