"""``Authorization: Token``: forty characters instead of a log-in, with the same rights."""

import re

from django.db.models import CharField, DateTimeField, F
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.authentication import USER_COLUMNS, admitted, credential_of, user_from
from accounts.models import User
from accounts.opaque_tokens import services
from accounts.opaque_tokens.models import OpaqueToken
from accounts.opaque_tokens.selectors import idle_since
from ecommerce.prepared import Parameter, Prepared

_FORM = re.compile(r"[0-9a-f]{40}")
_OWN_COLUMNS = ("id", "last_used_at")
_BY_HASH = Prepared(
    lambda: OpaqueToken.objects.filter(
        token_hash=Parameter("token_hash", CharField()),
        revoked_at__isnull=True,
        last_used_at__gt=Parameter("idle_since", DateTimeField()),
        session_epoch=F("user__session_epoch"),
        user__is_active=True,
    ).values_list(*_OWN_COLUMNS, *(f"user__{name}" for name in USER_COLUMNS))
)


class InvalidToken(AuthenticationFailed):
    default_code = "invalid_token"
    default_detail = "The token is unknown, ended, or was not used for too long."


class OpaqueTokenAuthentication(authentication.BaseAuthentication):
    """``Authorization: Token`` and the forty characters that ``POST /api/auth/token/`` showed once."""

    def authenticate(self, request: Request) -> tuple[User, OpaqueToken] | None:
        text = credential_of(request, "Token")
        if text is None:
            return None
        if not _FORM.fullmatch(text):
            raise InvalidToken()
        rows = _BY_HASH.rows(token_hash=services.hashed(text), idle_since=idle_since())
        if not rows:
            raise InvalidToken()
        token_id, last_used_at, *columns = rows[0]
        user = user_from(columns)
        token = OpaqueToken(id=token_id, user=user, last_used_at=last_used_at)
        admitted((user, token), request)
        services.note_use(token)
        return user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Token realm="api"'
