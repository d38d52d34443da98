"""What can go wrong with a second factor."""

from rest_framework.exceptions import AuthenticationFailed, PermissionDenied

from ecommerce.exceptions import DomainError


class InvalidCode(DomainError):
    """One text for wrong, used and out of date."""

    status_code = 400
    code = "invalid_code"
    message = "This code is wrong, out of date or already used."


class InvalidPassword(DomainError):
    status_code = 400
    code = "invalid_password"
    message = "This is not your password."


class InvalidChallenge(AuthenticationFailed):
    default_code = "invalid_challenge"
    default_detail = "This log-in is unknown, too old or already finished. Log in again."


class TooManyTries(DomainError):
    """Codes or passwords were wrong several times in a row; ``wait`` is in seconds."""

    status_code = 429
    code = "too_many_tries"
    message = "Too many wrong tries. Wait a while, and then take a new code."

    def __init__(self, wait: int) -> None:
        self.wait = wait
        super().__init__()


class SecondFactorExists(DomainError):
    code = "second_factor_exists"
    message = "There is a second factor already. Remove it first."


class NoSecondFactor(DomainError):
    code = "no_second_factor"
    message = "There is no second factor. Begin with POST /api/auth/2fa/begin/."


class CodeRequired(DomainError):
    status_code = 400
    code = "code_required"
    message = "Give a code for this: the password alone is not enough."


class SecondFactorSetupRequired(PermissionDenied):
    default_code = "second_factor_setup_required"
    default_detail = "Staff need a second factor. Set one up at POST /api/auth/2fa/begin/ first."
