"""What can go wrong when somebody wants in."""

from rest_framework.exceptions import AuthenticationFailed, PermissionDenied

from ecommerce.exceptions import DomainError


class InvalidCredentials(AuthenticationFailed):
    """One text for unknown, wrong, inactive and locked, so that nobody learns which accounts exist."""

    default_code = "invalid_credentials"
    default_detail = (
        "No active account matches these credentials. After several failed tries, wait or reset the password."
    )


class InvalidRefreshToken(AuthenticationFailed):
    default_code = "invalid_refresh_token"
    default_detail = "The refresh token is unknown, expired or already used. Log in again."


class InvalidEmailToken(DomainError):
    status_code = 400
    code = "invalid_token"
    message = "This link is unknown, expired or already used."


class UsernameTaken(DomainError):
    status_code = 400
    code = "username_taken"
    message = "This username is taken."


class FreshLogInRequired(PermissionDenied):
    default_code = "fresh_log_in_required"
    default_detail = "Log in again: the last log-in was too long ago for this."
