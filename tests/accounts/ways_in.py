"""The ways to send a request as somebody, for tests of what ends them."""

from datetime import timedelta
from typing import Any

from django.test import Client
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import RefreshSession, User
from tests.clients import client_for

PROFILE = "/api/users/profile/"


def with_header(value: str) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=value)
    return client


def opaque_token(user: User, **body: Any) -> str:
    """Issue an opaque token as a client does; return its forty characters."""
    answer = client_for(user).post("/api/auth/token/", body)
    assert answer.status_code == 201, answer.json()
    text: str = answer.json()["token"]
    return text


def with_token(user: User) -> APIClient:
    return with_header(f"Token {opaque_token(user)}")


def with_cookie(user: User) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.force_login(user)
    return client


def in_the_admin(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def with_old_log_in(user: User, *, minutes: int = 16) -> APIClient:
    """Return a client whose log-in is some minutes old, and was refreshed just now."""
    pair = tokens.start_session(user)
    for session in RefreshSession.objects.filter(user=user):
        session.family_started_at -= timedelta(minutes=minutes)
        session.save(update_fields=["family_started_at"])
    return with_header(f"Bearer {tokens.rotate(pair.refresh).access}")


def enters(client: Any) -> bool:
    answer = client.get(PROFILE)
    assert answer.status_code in (200, 401)
    return bool(answer.status_code == 200)
