"""The trail of what happened to accounts."""

import pytest
from django.db import DatabaseError, transaction

from accounts.audit.models import SecurityEvent
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


def test_a_log_in_leaves_an_entry_without_a_secret(api_client):
    user = UserFactory(email="amina@example.com")
    api_client.post("/api/auth/login/", {"email": user.email, "password": PASSWORD}, HTTP_USER_AGENT="Opera")
    entry = SecurityEvent.objects.get()
    assert (entry.kind, entry.user, entry.actor, entry.user_agent) == ("login", user, user, "Opera")
    assert entry.ip_address == "127.0.0.1"
    assert entry.details == {"by": "password"}


def test_a_refused_log_in_leaves_an_entry_and_no_session(api_client):
    user = UserFactory(email="amina@example.com")
    answer = api_client.post("/api/auth/login/", {"email": user.email, "password": "wrong"})
    assert answer.status_code == 401
    assert [entry.kind for entry in SecurityEvent.objects.all()] == ["login_failed"]
    assert not user.refresh_sessions.exists()


def test_an_entry_cannot_be_changed():
    entry = SecurityEvent.objects.create(kind="login")
    with pytest.raises(DatabaseError), transaction.atomic():
        SecurityEvent.objects.update(kind="logout")
    entry.refresh_from_db()
    assert entry.kind == "login"
