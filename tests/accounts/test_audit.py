"""The trail of what happened to accounts."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from accounts import tokens
from accounts.audit.models import SecurityEvent
from accounts.models import RefreshSession, User
from tests.admin_pages import address, logged_in, member_of_staff
from tests.clients import client_for
from tests.factories import PASSWORD, UserFactory

LOGOUT, REFRESH = "/api/auth/logout/", "/api/auth/refresh/"

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


def entries(*kinds: str) -> list[tuple[str, User | None, User | None, dict[str, Any]]]:
    events = SecurityEvent.objects.filter(kind__in=kinds).order_by("created_at", "id")
    return [(event.kind, event.user, event.actor, event.details) for event in events]


# --- Leaving ------------------------------------------------------------------------------------------------------


def test_log_out_leaves_one_entry_however_often_it_is_sent(customer):
    pair = tokens.start_session(customer)
    family = RefreshSession.objects.get().family
    client = client_for(customer)

    answers = [client.post(LOGOUT, {"refresh": pair.refresh}).status_code for _ in range(2)]

    assert answers == [204, 204]
    assert entries("logout") == [("logout", customer, customer, {"session": str(family)})]
    assert SecurityEvent.objects.get(kind="logout").ip_address == "127.0.0.1"


def test_log_out_with_the_token_of_another_leaves_none(customer):
    theirs = tokens.start_session(UserFactory())

    assert client_for(customer).post(LOGOUT, {"refresh": theirs.refresh}).status_code == 204

    assert (entries("logout"), RefreshSession.objects.filter(revoked_at__isnull=False).count()) == ([], 0)


def test_log_out_everywhere_leaves_its_own_entry(customer):
    assert client_for(customer).post(LOGOUT, {"everywhere": True}).status_code == 204

    assert entries("logout", "logout_everywhere") == [("logout_everywhere", customer, customer, {})]


def test_leaving_the_admin_leaves_an_entry(staff):
    client = logged_in(staff)

    client.post("/admin/logout/")
    Client().post("/admin/logout/")

    assert entries("logout") == [("logout", staff, staff, {"by": "cookie"})]


def test_reused_refresh_token_leaves_one_entry_and_names_its_log_in(api_client, customer):
    old = tokens.start_session(customer)
    tokens.rotate(old.refresh)
    RefreshSession.objects.filter(used_at__isnull=False).update(used_at=timezone.now() - timedelta(minutes=5))

    answers = [
        api_client.post(REFRESH, {"refresh": old.refresh}, HTTP_USER_AGENT="Thief").status_code for _ in range(3)
    ]

    assert answers == [401, 401, 401]
    family = RefreshSession.objects.values_list("family", flat=True)[0]
    assert entries("refresh_reused") == [("refresh_reused", customer, customer, {"session": str(family)})]
    assert SecurityEvent.objects.get(kind="refresh_reused").user_agent == "Thief"


@pytest.mark.django_db(transaction=True)
def test_reuse_by_many_at_once_is_one_entry(customer, together):
    old = tokens.start_session(customer)
    tokens.rotate(old.refresh)
    RefreshSession.objects.filter(used_at__isnull=False).update(used_at=timezone.now() - timedelta(minutes=5))

    answers = together(*[lambda: client_for(None).post(REFRESH, {"refresh": old.refresh}).status_code] * 6)

    assert set(answers) == {401}
    assert len(entries("refresh_reused")) == 1


def test_refresh_within_the_grace_is_no_reuse(api_client, customer):
    old = tokens.start_session(customer)
    tokens.rotate(old.refresh)

    assert api_client.post(REFRESH, {"refresh": old.refresh}).status_code == 200
    assert entries("refresh_reused") == []


# --- What staff change --------------------------------------------------------------------------------------------


def save(client: Client, user: User, **changes: Any) -> int:
    form = {name: getattr(user, name) or "" for name in ("email", "first_name", "last_name", "phone_number")}
    return client.post(address("accounts_user_change", user), form | changes).status_code


def test_contacts_that_staff_change_stand_in_the_trail_with_what_they_were():
    user = UserFactory(email="amina@example.com", phone_number="+254712345678")
    clerk = member_of_staff("accounts.view_user", "accounts.change_user")

    assert save(logged_in(clerk), user, email="Stranger@example.com", phone_number="0722 000 111") == 302

    assert sorted(entries("email_changed", "phone_changed"), key=lambda entry: entry[0]) == [
        ("email_changed", user, clerk, {"before": "amina@example.com", "after": "stranger@example.com"}),
        ("phone_changed", user, clerk, {"before": "+254712345678", "after": "+254722000111"}),
    ]


def test_contacts_that_stay_or_are_refused_leave_no_entry():
    user, other = UserFactory(), UserFactory(email="taken@example.com")
    client = logged_in(member_of_staff("accounts.view_user", "accounts.change_user"))

    answers = [
        save(client, user, first_name="Amina", email=user.email.upper()),
        save(client, user, email=other.email),
        save(logged_in(member_of_staff("accounts.view_user")), user, email="mine@example.com"),
    ]

    user.refresh_from_db()
    assert (answers, user.first_name) == ([302, 200, 403], "Amina")
    assert entries("email_changed", "phone_changed") == []


def test_flags_and_passwords_that_staff_change_stand_in_the_trail_with_who_did_it(staff, customer):
    client = Client()
    client.post("/admin/login/", {"username": staff.email, "password": PASSWORD})
    powers = {"role": "customer", "is_staff": "on"}
    password = {"password1": "nyoka-nne-9", "password2": "nyoka-nne-9"}

    assert save(client, customer, **powers) == 302
    for page, body in (
        ("accounts_user_deactivate", {"confirmed": "yes"}),
        ("accounts_user_activate", {"confirmed": "yes"}),
        ("auth_user_password_change", password),
    ):
        assert client.post(address(page, customer), body).status_code == 302

    before = {"role": "customer", "is_staff": False, "is_superuser": False, "groups": []}
    assert entries("roles_changed", "deactivated", "activated", "password_changed") == [
        ("roles_changed", customer, staff, {"before": before, "after": before | {"is_staff": True}}),
        ("deactivated", customer, staff, {"keys_ended": 0}),
        ("activated", customer, staff, {}),
        ("password_changed", customer, staff, {"by": "staff"}),
    ]


def test_account_that_staff_make_stands_in_the_trail(staff):
    password = {"password1": "nyoka-nne-9", "password2": "nyoka-nne-9"}

    logged_in(staff).post(address("accounts_user_add"), {"email": "made@example.com", **password})

    made = User.objects.get(email="made@example.com")
    assert entries("signed_up") == [("signed_up", made, staff, {"by": "staff"})]


def test_erasing_takes_contacts_out_of_the_trail_and_leaves_those_of_others(run_owed_work):
    user = UserFactory(email="amina@example.com", phone_number="+254712345678")
    other = UserFactory(email="juma@example.com", phone_number="+254733333333")
    clerk = member_of_staff("accounts.view_user", "accounts.change_user")
    client = logged_in(clerk)
    save(client, user, email="former@example.com", phone_number="+254722000111")
    save(client, other, phone_number="0722 000 111")  # the wrong customer's, for a moment
    other.refresh_from_db()
    save(client, other, phone_number="0733333333")
    user.refresh_from_db()

    assert client_for(user).post("/api/users/erase/", {"password": PASSWORD}).status_code == 202
    run_owed_work()

    gone = "[removed]"
    assert entries("email_changed", "phone_changed") == [
        ("email_changed", user, clerk, {"before": gone, "after": gone}),
        ("phone_changed", user, clerk, {"before": gone, "after": gone}),
        ("phone_changed", other, clerk, {"before": "+254733333333", "after": gone}),
        ("phone_changed", other, clerk, {"before": gone, "after": "+254733333333"}),
    ]
