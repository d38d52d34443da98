"""How keys are refused."""

from rest_framework.exceptions import AuthenticationFailed, PermissionDenied

from ecommerce.exceptions import DomainError


class InvalidApiKey(AuthenticationFailed):
    default_code = "invalid_api_key"
    default_detail = "The key is unknown, ended, expired, or its owner may not hold keys."


class ScopeMissing(PermissionDenied):
    default_code = "scope_missing"


class TooManyKeys(DomainError):
    code = "too_many_api_keys"
    message = "You have as many keys as one may have. End one that is not used."
