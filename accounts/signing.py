"""Signing and reading tokens: one algorithm, issuer and audience checked; former keys while one is being changed."""

from functools import cache
from typing import Any

from django.conf import settings
from rest_framework_simplejwt import tokens
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken
from rest_framework_simplejwt.settings import api_settings


class SigningKeys(TokenBackend):
    """Signs with the first key; reads what any of them has signed. All else is as for one key."""

    def __init__(self, *keys: str) -> None:
        super().__init__(
            api_settings.ALGORITHM,
            keys[0],
            audience=api_settings.AUDIENCE,
            issuer=api_settings.ISSUER,
            leeway=api_settings.LEEWAY,
        )
        self._former = SigningKeys(*keys[1:]) if keys[1:] else None

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """Return what the token claims.

        Raises:
            TokenBackendExpiredToken: it was one of ours.
            TokenBackendError: no key of ours has signed it, or it was not meant for us.
        """
        try:
            return super().decode(token, verify=verify)
        except TokenBackendExpiredToken:
            raise
        except TokenBackendError:
            if self._former is None:
                raise
            return self._former.decode(token, verify=verify)


@cache
def _signed_with(*keys: str) -> SigningKeys:
    return SigningKeys(*keys)


def signing_keys() -> SigningKeys:
    return _signed_with(settings.SIMPLE_JWT["SIGNING_KEY"], *settings.JWT_SIGNING_KEY_FALLBACKS)


class AccessToken(tokens.AccessToken):
    """For minutes; see ``accounts.tokens``."""

    def get_token_backend(self) -> TokenBackend:
        return signing_keys()


class RefreshToken(tokens.RefreshToken):
    """Stands for a row of ``RefreshSession``."""

    def get_token_backend(self) -> TokenBackend:
        return signing_keys()
