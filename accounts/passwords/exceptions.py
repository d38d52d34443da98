"""What can go wrong when somebody changes what they log in with."""

from ecommerce.exceptions import DomainError, ErrorRow


class WrongPassword(DomainError):
    status_code = 400
    code = "wrong_password"
    message = "This is not your password."

    def __init__(self, attr: str = "password") -> None:
        super().__init__([ErrorRow(self.code, self.message, attr)])
