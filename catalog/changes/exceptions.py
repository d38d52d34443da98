"""What can go wrong with reading changes."""

from ecommerce.exceptions import DomainError, ErrorRow


class CursorFromElsewhere(DomainError):
    status_code = 400
    code = "cursor_from_elsewhere"
    message = "This cursor is of another database, or of this one before it was restored. Read all products again."

    def __init__(self) -> None:
        super().__init__([ErrorRow(self.code, self.message, "cursor")])
