"""Password rules beyond Django's own."""

from typing import Any

from django.core.exceptions import ValidationError

MAXIMUM_LENGTH = 128  # hashing a megabyte for a stranger is work we refuse


class MaximumLengthValidator:
    def validate(self, password: str, user: Any = None) -> None:
        if len(password) > MAXIMUM_LENGTH:
            raise ValidationError(
                f"This password is longer than {MAXIMUM_LENGTH} characters.", code="password_too_long"
            )

    def get_help_text(self) -> str:
        return f"Your password can have at most {MAXIMUM_LENGTH} characters."
