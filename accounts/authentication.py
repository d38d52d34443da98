"""Who sends this request? The same rights follow, whichever way in was used."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import UUIDField
from rest_framework import authentication
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken

from accounts.models import User
from accounts.second_factor.gate import admit
from accounts.tokens import EPOCH_CLAIM
from ecommerce.prepared import Parameter, Prepared

_COLUMNS = [field.attname for field in User._meta.concrete_fields]
_BY_ID = Prepared(lambda: User.objects.filter(pk=Parameter("user", UUIDField())).values_list(*_COLUMNS))


def find_user(user_id: UUID) -> User | None:
    """Return a user by id; every signed-in request asks, so it is a prepared statement."""
    rows = _BY_ID.rows(user=user_id)
    return User.from_db(connection.alias, _COLUMNS, rows[0]) if rows else None


class AccessTokenAuthentication(JWTAuthentication):
    """``Authorization: Bearer``: an access token of the user's current epoch."""

    def get_user(self, validated_token: Any) -> Any:
        try:
            user = find_user(UUID(validated_token["user_id"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InvalidToken() from None
        if user is None or not user.is_active or validated_token.get(EPOCH_CLAIM) != user.session_epoch:
            raise InvalidToken()
        return user

    def authenticate(self, request: Request) -> Any:
        return _admitted(super().authenticate(request), request)


class SessionAuthentication(authentication.SessionAuthentication):
    """Django's session, for the admin and the docs; answers 401, not 403, when somebody is not logged in."""

    def authenticate(self, request: Request) -> Any:
        # No cookie, no session; looking for one would also make every public answer vary by cookie.
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return None
        return _admitted(super().authenticate(request), request)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def _admitted(found: Any, request: Request) -> Any:
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
