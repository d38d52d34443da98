"""Who sends this request? The same rights follow, whichever way in was used (keys have less: accounts.api_keys)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Exists, IntegerField, UUIDField
from rest_framework import authentication
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken

from accounts.models import RefreshSession, User
from accounts.second_factor.gate import admit
from accounts.tokens import EPOCH_CLAIM, FAMILY_CLAIM
from ecommerce.prepared import Parameter, Prepared

USER_COLUMNS = [field.attname for field in User._meta.concrete_fields]
# Every signed-in request asks, so it is a prepared statement.
_BY_CLAIMS = Prepared(
    lambda: User.objects.filter(
        ~Exists(RefreshSession.objects.filter(family=Parameter("family", UUIDField()), revoked_at__isnull=False)),
        pk=Parameter("user", UUIDField()),
        session_epoch=Parameter("epoch", IntegerField()),
        is_active=True,
    ).values_list(*USER_COLUMNS)
)


def user_from(columns: Sequence[Any]) -> User:
    """Return the user whose ``USER_COLUMNS`` these are."""
    return User.from_db(connection.alias, USER_COLUMNS, columns)


def credential_of(request: Request, keyword: str) -> str | None:
    """Return what follows ``keyword`` in the ``Authorization`` header; None if that is of another kind."""
    kind, _, credential = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return credential.strip() if kind.lower() == keyword.lower() else None


class AccessTokenAuthentication(JWTAuthentication):
    """``Authorization: Bearer``: an access token of the user's current epoch, from a log-in that has not ended."""

    def get_user(self, validated_token: Any) -> Any:
        epoch = validated_token.get(EPOCH_CLAIM)
        try:
            user, family = UUID(validated_token["user_id"]), UUID(validated_token[FAMILY_CLAIM])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InvalidToken() from None
        rows = _BY_CLAIMS.rows(user=user, family=family, epoch=epoch) if type(epoch) is int else []
        if not rows:
            raise InvalidToken()
        return user_from(rows[0])

    def authenticate(self, request: Request) -> Any:
        return admitted(super().authenticate(request), request)


class SessionAuthentication(authentication.SessionAuthentication):
    """Django's session, for the admin and the docs; answers 401, not 403, when somebody is not logged in."""

    def authenticate(self, request: Request) -> Any:
        # No cookie, no session; looking for one would also make every public answer vary by cookie.
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return None
        return admitted(super().authenticate(request), request)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def admitted(found: Any, request: Request) -> Any:
    """Return what an authentication class has found, unless the shop demands a second factor of that user first."""
    if found is not None:
        admit(found[0], request)
    return found


def signed_in(request: Request) -> User:
    """Return the user of a request whose view demands one.

    Raises:
        NotAuthenticated: nobody is signed in; the view's permission should have refused before.
    """
    if not isinstance(request.user, User):
        raise NotAuthenticated()
    return request.user
