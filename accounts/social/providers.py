"""What each provider's tokens say about somebody, once they are checked."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.models import normalise_email
from accounts.social import id_tokens
from accounts.social.exceptions import EmailNotVerified, InvalidProviderToken, ProviderSilent, SocialLogInOff
from accounts.social.fetching import Answer, fetch
from accounts.social.jwks import key_set
from accounts.social.models import SocialIdentity

GOOGLE, FACEBOOK = SocialIdentity.Provider.GOOGLE, SocialIdentity.Provider.FACEBOOK

# The first spelling is the one that is kept. Source: Google, "Verify the Google ID token on your server side".
_GOOGLE_ISSUERS = ("https://accounts.google.com", "accounts.google.com")
# Which of them Facebook writes has changed over the years.
_FACEBOOK_ISSUERS = ("https://www.facebook.com", "https://limited.facebook.com", "https://facebook.com")


@dataclass(frozen=True)
class ProviderAccount:
    """Somebody at a provider. ``email`` is empty unless the provider vouches for it; ``shown_email`` is only shown.

    ``fingerprint`` is that of a token which is taken once, empty for one which may come again.
    """

    provider: str
    issuer: str
    subject: str
    email: str = ""
    shown_email: str = ""
    first_name: str = ""
    last_name: str = ""
    fingerprint: str = ""
    expires_at: datetime | None = None


def check_google(*, id_token: str, nonce: str = "") -> ProviderAccount:
    """Return whose Google identity token this is.

    Raises:
        SocialLogInOff: the shop has no client id there.
        InvalidProviderToken, ProviderSilent: see ``verified_claims``.
        EmailNotVerified: Google does not vouch for the address.
    """
    known = settings.GOOGLE_LOGIN
    if not known["CLIENT_IDS"]:
        raise SocialLogInOff()
    claims = id_tokens.verified_claims(
        id_token,
        keys=key_set(known["JWKS_URL"]),
        issuers=_GOOGLE_ISSUERS,
        audiences=known["CLIENT_IDS"],
        nonce=nonce,
    )
    email = _plain_address(claims.get("email"))
    if claims.get("email_verified") is not True or not email:
        raise EmailNotVerified()
    return _from_claims(claims, id_token, provider=GOOGLE, issuer=_GOOGLE_ISSUERS[0], email=email)


def check_facebook(*, id_token: str = "", access_token: str = "", nonce: str = "") -> ProviderAccount:
    """Return whose Facebook token this is: an identity token of limited login, or an access token.

    Facebook vouches for no address, so that none is taken from it.

    Raises:
        SocialLogInOff: the shop has no app id there; or for an access token, no app secret.
        InvalidProviderToken, ProviderSilent: see ``verified_claims``; for an access token Facebook is asked.
    """
    known = settings.FACEBOOK_LOGIN
    if not known["APP_ID"] or (not id_token and not known["APP_SECRET"]):
        raise SocialLogInOff()
    if not id_token:
        return _ask_facebook(access_token)
    claims = id_tokens.verified_claims(
        id_token,
        keys=key_set(known["JWKS_URL"]),
        issuers=_FACEBOOK_ISSUERS,
        audiences=[known["APP_ID"]],
        nonce=nonce,
    )
    return _from_claims(claims, id_token, provider=FACEBOOK, issuer=_FACEBOOK_ISSUERS[0])


def _from_claims(
    claims: Mapping[str, Any], token: str, *, provider: str, issuer: str, email: str = ""
) -> ProviderAccount:
    return ProviderAccount(
        provider=provider,
        issuer=issuer,
        subject=claims["sub"],
        email=email,
        shown_email=email or _plain_address(claims.get("email")),
        first_name=_name(claims.get("given_name")),
        last_name=_name(claims.get("family_name")),
        fingerprint=id_tokens.fingerprint(token),
        expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC) + timedelta(seconds=id_tokens.LEEWAY),
    )


def _ask_facebook(access_token: str) -> ProviderAccount:
    """Ask for whom and by which app an access token was made, and then who that is.

    ``/me`` alone is not enough: it answers to tokens of every app, also of one whose owner collects them.
    Source: Facebook, "Manually Build a Login Flow", "Inspecting access tokens"; "Securing Graph API Requests".
    """
    known = settings.FACEBOOK_LOGIN
    app = f"{known['APP_ID']}|{known['APP_SECRET']}"
    told = _facebook("/debug_token", {"input_token": access_token}, bearer=app)
    about = told.get("data")
    if not isinstance(about, dict) or about.get("is_valid") is not True or about.get("type") != "USER":
        raise InvalidProviderToken()
    subject = str(about.get("user_id", ""))
    if str(about.get("app_id", "")) != known["APP_ID"] or not (subject.isascii() and subject.isdigit()):
        raise InvalidProviderToken()
    proof = hmac.new(known["APP_SECRET"].encode(), access_token.encode(), hashlib.sha256).hexdigest()
    fields = {"fields": "id,first_name,last_name,email", "appsecret_proof": proof}
    me = _facebook("/me", fields, bearer=access_token)
    if str(me.get("id", "")) != subject:
        raise InvalidProviderToken()
    return ProviderAccount(
        provider=FACEBOOK,
        issuer=_FACEBOOK_ISSUERS[0],
        subject=subject[:255],
        shown_email=_plain_address(me.get("email")),
        first_name=_name(me.get("first_name")),
        last_name=_name(me.get("last_name")),
    )


def _facebook(path: str, params: dict[str, str], *, bearer: str) -> dict[str, Any]:
    answer: Answer = fetch(
        f"{settings.FACEBOOK_LOGIN['GRAPH_URL']}{path}", params=params, headers={"Authorization": f"Bearer {bearer}"}
    )
    if answer.status >= 500 or answer.status == 429:
        raise ProviderSilent()
    if answer.status != 200 or not isinstance(answer.value, dict):
        raise InvalidProviderToken()
    return answer.value


def _plain_address(value: Any) -> str:
    """Return an address in normal form; empty when it is none, or has letters by which it could pass for another one.

    What normalising makes the same here (full-width letters) are two mailboxes there.
    """
    if not isinstance(value, str) or len(value) > 254 or not value.isascii():
        return ""
    try:
        validate_email(value)
    except ValidationError:
        return ""
    return normalise_email(value)


def _name(value: Any) -> str:
    """Return a name as it may be kept: printable and short."""
    return "".join(letter for letter in value if letter.isprintable())[:150].strip() if isinstance(value, str) else ""
