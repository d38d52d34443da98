"""What can go wrong when somebody comes from Google or Facebook."""

from django.urls import reverse

from ecommerce.exceptions import DomainError


class SocialLogInOff(DomainError):
    status_code = 404
    code = "social_login_off"
    message = "This shop does not take log-ins from there."


class InvalidProviderToken(DomainError):
    """One text for forged, expired, made for another app, or used: only the log says which."""

    status_code = 400
    code = "invalid_provider_token"
    message = "This token is not valid here, is too old or has been used. Get a new one."


class EmailNotVerified(DomainError):
    status_code = 400
    code = "email_not_verified"
    message = "This account has no confirmed e-mail address there."


class ProviderSilent(DomainError):
    status_code = 503
    code = "provider_unavailable"
    message = "The service does not answer at the moment. Try again, or log in another way."
    wait = 30


class AccountExists(DomainError):
    """The address is that of an account. Its owner shows that it is theirs by logging in, and links the two then."""

    code = "account_exists"
    message = "There is an account with this e-mail address. Log in to it first, then link the two."

    def __init__(self, provider: str) -> None:
        super().__init__(log_in=reverse("login"), link=reverse(f"social-{provider}-link"))


class IdentityTaken(DomainError):
    code = "identity_taken"
    message = "This account there is linked to another account here."


class LastWayIn(DomainError):
    code = "last_way_in"
    message = "This is the only way into your account. Set a password or confirm your phone number first."


class IdentityNotFound(DomainError):
    status_code = 404
    code = "not_found"
    message = "There is no such link."
