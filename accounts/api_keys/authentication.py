"""``Authorization: Api-Key`` or ``X-API-Key``: the owner's rights, within the scopes of the key."""

import re

from django.db.models import CharField, DateTimeField, Q
from django.utils import timezone
from rest_framework import authentication
from rest_framework.request import Request

from accounts.api_keys import services
from accounts.api_keys.exceptions import InvalidApiKey, ScopeMissing
from accounts.api_keys.models import ApiKey
from accounts.api_keys.scopes import wanted_scope
from accounts.authentication import USER_COLUMNS, admitted, credential_of, user_from
from accounts.models import User
from ecommerce.prepared import Parameter, Prepared

HEADER = "X-API-Key"
_FORM = re.compile(r"bm_[0-9a-f]{8}_[0-9a-f]{40}")
_OWN_COLUMNS = ("id", "prefix", "scopes", "last_used_at")
_BY_HASH = Prepared(
    lambda: ApiKey.objects.filter(
        Q(user__is_staff=True) | Q(user__role=User.Role.SELLER),
        key_hash=Parameter("key_hash", CharField()),
        revoked_at__isnull=True,
        expires_at__gt=Parameter("now", DateTimeField()),
        user__is_active=True,
    ).values_list(*_OWN_COLUMNS, *(f"user__{name}" for name in USER_COLUMNS))
)


class ApiKeyAuthentication(authentication.BaseAuthentication):
    """A key, for an operation whose scope it has.

    Scopes are checked here and not by permissions: no view can forget them, whatever permissions it has of its own.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        text = credential_of(request, "Api-Key")
        text = request.headers.get(HEADER) if text is None else text
        if text is None:
            return None
        if not _FORM.fullmatch(text):
            raise InvalidApiKey()
        rows = _BY_HASH.rows(key_hash=services.hashed(text), now=timezone.now())
        if not rows:
            raise InvalidApiKey()
        key_id, prefix, scopes, last_used_at, *columns = rows[0]
        user = user_from(columns)
        key = ApiKey(id=key_id, user=user, prefix=prefix, scopes=scopes, last_used_at=last_used_at)
        admitted((user, key), request)
        _demand_scope(key, request)
        services.note_use(key)
        return user, key

    def authenticate_header(self, request: Request) -> str:
        return 'Api-Key realm="api"'


def _demand_scope(key: ApiKey, request: Request) -> None:
    """Go on only if the key has the scope of this operation.

    Raises:
        ScopeMissing: it does not, or the operation takes no keys.
    """
    scope = wanted_scope(request.parser_context.get("view"), request.method)
    if scope is None:
        raise ScopeMissing("No API key opens this. Log in.")
    if scope not in key.scopes:
        raise ScopeMissing(f"This key lacks the scope {scope}.")
