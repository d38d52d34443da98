"""Checking an OpenID Connect identity token: whose signature, for whom, how old.

One algorithm, named here and not by the token: ``none``, and a public key taken for a shared secret, find no way.
Source: OpenID Connect Core, 3.1.3.7; RFC 8725.
"""

import hashlib
import hmac
import logging
from collections.abc import Collection
from typing import Any

import jwt

from accounts.social.exceptions import InvalidProviderToken
from accounts.social.jwks import KeySet

logger = logging.getLogger(__name__)

LONGEST = 8192  # characters; Google's have about 1,200
LEEWAY = 10  # seconds
LONGEST_LIFE = 24 * 3600  # seconds; both providers give an hour
_CLAIMS = ["exp", "iat", "iss", "aud", "sub"]


def verified_claims(
    token: str, *, keys: KeySet, issuers: Collection[str], audiences: Collection[str], nonce: str
) -> dict[str, Any]:
    """Return the claims of a token that is what it says.

    A ``nonce`` must be given when, and only when, the token has one: else a token that was made for one log-in could be
    used for another.

    Raises:
        InvalidProviderToken: forged, expired, of another issuer, for another app, or with another nonce.
        ProviderSilent: the provider's keys could not be asked for.
    """
    try:
        header = jwt.get_unverified_header(token)
        key_id = header.get("kid")
        if header.get("alg") != "RS256" or not isinstance(key_id, str):
            raise jwt.InvalidAlgorithmError("not RS256 with a key id")
        claims: dict[str, Any] = jwt.decode(
            token,
            keys.key(key_id),
            algorithms=["RS256"],
            audience=list(audiences),
            issuer=list(issuers),
            leeway=LEEWAY,
            options={"require": _CLAIMS},
        )
        _check_forms(claims, nonce)
    # PyJWT lets some malformed ones fall through as other errors; nested arrays are a RecursionError.
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError, UnicodeError) as error:
        logger.info("provider_token_refused", extra={"reason": type(error).__name__})
        raise InvalidProviderToken() from None
    return claims


def fingerprint(token: str) -> str:
    """Return what stands for a token when it is spent.

    Of the signed part alone: the last characters of a signature can be written in several ways.
    """
    return hashlib.sha256(token.rpartition(".")[0].encode()).hexdigest()


def _check_forms(claims: dict[str, Any], nonce: str) -> None:
    if not isinstance(claims["aud"], str):  # for several apps at once: any of them could pass it on
        raise jwt.InvalidAudienceError("more than one audience")
    subject = claims["sub"]
    if not (isinstance(subject, str) and 0 < len(subject) <= 255 and subject.isascii() and subject.isprintable()):
        raise jwt.InvalidTokenError("the subject is none")
    if claims["exp"] - claims["iat"] > LONGEST_LIFE:
        raise jwt.InvalidTokenError("lives too long to be remembered")
    theirs = claims.get("nonce", "")
    if not isinstance(theirs, str) or not hmac.compare_digest(theirs.encode(), nonce.encode()):
        raise jwt.InvalidTokenError("another nonce")
