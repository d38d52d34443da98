"""What can go wrong with a profile."""

from accounts.profiles.consent_texts import CURRENT
from ecommerce.exceptions import DomainError, ErrorRow


class ConsentTextChanged(DomainError):
    """Consent to other words than those that hold now; the answer names their version."""

    code = "consent_text_changed"
    message = "The text has changed. Show the present one and ask again."

    def __init__(self) -> None:
        super().__init__([ErrorRow(self.code, self.message, "text_version")], text_version=CURRENT)
