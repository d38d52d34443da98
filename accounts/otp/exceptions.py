"""What can go wrong with a one-time code."""

from ecommerce.exceptions import DomainError


class InvalidCode(DomainError):
    """One text for wrong, expired, used, tried too often, never sent, and an account that may not come in."""

    status_code = 400
    code = "invalid_code"
    message = "This code is wrong, expired or already used. Ask for a new one."


class PhoneNumberTaken(DomainError):
    """Told only to somebody who has shown that the phone is theirs."""

    code = "phone_number_taken"
    message = "Another account has confirmed this number. Log in to it with a code by text message."
