"""Changing the address that one logs in with."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.audit.models import SecurityEvent
from accounts.emails.models import EmailChange
from accounts.models import User
from tests.clients import client_for
from tests.factories import PASSWORD, UserFactory

CHANGE = "/api/auth/email/change/"
CONFIRM = "/api/auth/email/change/confirm/"
OLD, NEW = "old@example.com", "new@example.com"
PHONE = "+254712345678"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def generous(settings):
    settings.SMS_PER_PHONE = settings.RESET_PER_ADDRESS = settings.RESET_PER_NETWORK = "1000/100000000"


@pytest.fixture
def owner():
    return UserFactory(email=OLD, email_verified_at=timezone.now())


def codes(answer) -> list[tuple[str | None, str]]:
    return [(row["attr"], row["code"]) for row in answer.json()["errors"]]


def ask(user, email=NEW):
    return client_for(user).post(CHANGE, {"email": email, "password": PASSWORD})


def token_in(mail) -> str:
    return mail.body.split("#")[1].split()[0]


def accounts():
    return list(User.objects.order_by("pk").values())


def test_new_address_counts_when_its_link_comes_back_and_the_old_one_is_told(
    api_client, owner, run_owed_work, mailoutbox, settings
):
    settings.FRONTEND_URL = "https://www.shop.example"
    asked = ask(owner, "NEW@example.com")
    run_owed_work()
    unchanged = User.objects.get().email
    [mail] = mailoutbox

    answer = api_client.post(CONFIRM, {"token": token_in(mail)})
    run_owed_work()

    assert (asked.status_code, unchanged, answer.status_code) == (200, OLD, 200)
    assert (mail.to, f"https://www.shop.example/change-email#{token_in(mail)}" in mail.body) == ([NEW], True)
    user = User.objects.get()
    assert (user.email, user.email_verified_at is None) == (NEW, False)
    assert [(told.to, NEW in told.body) for told in mailoutbox[1:]] == [([OLD], False)]
    assert list(SecurityEvent.objects.values_list("kind", "user_id")) == [("email_changed", owner.pk)]


@pytest.mark.parametrize("password", [None, "other-pass-9"])
def test_stolen_token_alone_changes_nothing(owner, password):
    body = {"email": NEW} | ({"password": password} if password else {})

    answer = client_for(owner).post(CHANGE, body)

    assert (answer.status_code, codes(answer)) == (400, [("password", "wrong_password")])
    assert not EmailChange.objects.exists()


def test_taken_address_is_answered_alike_and_only_its_owner_is_told(owner, run_owed_work, mailoutbox):
    UserFactory(email="taken@example.com")
    before = accounts()

    free, taken = ask(owner), ask(owner, "taken@example.com")
    run_owed_work()

    assert (free.status_code, free.content) == (taken.status_code, taken.content)
    # The first wish ended with the second one, before it was sent.
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [
        (["taken@example.com"], "You already have an account at ByteMtaani")
    ]
    assert accounts() == before


def test_address_taken_while_the_link_was_on_its_way_stays_with_its_owner(api_client, owner, run_owed_work, mailoutbox):
    ask(owner)
    run_owed_work()
    UserFactory(email=NEW)
    before = accounts()

    answer = api_client.post(CONFIRM, {"token": token_in(mailoutbox[0])})

    assert (answer.status_code, codes(answer)) == (400, [(None, "invalid_token")])
    assert accounts() == before


@pytest.mark.django_db(transaction=True)
def test_link_opened_many_times_at_once_changes_once(together, owner, run_owed_work, mailoutbox):
    ask(owner)
    run_owed_work()
    token = token_in(mailoutbox[0])

    statuses = together(*[lambda: APIClient().post(CONFIRM, {"token": token}).status_code] * 8)

    assert sorted(statuses) == [200] + [400] * 7
    assert SecurityEvent.objects.filter(kind="email_changed").count() == 1


def test_later_wish_ends_the_former(api_client, owner, run_owed_work, mailoutbox):
    ask(owner)
    run_owed_work()
    ask(owner, "other@example.com")
    run_owed_work()
    before = accounts()

    assert api_client.post(CONFIRM, {"token": token_in(mailoutbox[0])}).status_code == 400
    assert accounts() == before
    assert api_client.post(CONFIRM, {"token": token_in(mailoutbox[1])}).status_code == 200


@pytest.mark.parametrize("broken", ["expired", "closed"])
def test_expired_link_and_closed_account_change_nothing(api_client, owner, run_owed_work, mailoutbox, broken):
    ask(owner)
    run_owed_work()
    if broken == "expired":
        EmailChange.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    else:
        User.objects.update(is_active=False)
    before = accounts()

    answer = api_client.post(CONFIRM, {"token": token_in(mailoutbox[0])})

    assert (answer.status_code, codes(answer)) == (400, [(None, "invalid_token")])
    assert accounts() == before


def test_links_to_the_former_address_end(api_client, owner, run_owed_work, mailoutbox):
    api_client.post("/api/auth/password/reset/", {"email": OLD})
    run_owed_work()
    ask(owner)
    run_owed_work()
    api_client.post(CONFIRM, {"token": token_in(mailoutbox[1])})
    body = {"token": token_in(mailoutbox[0]), "password": "mallory-pass-3"}

    assert api_client.post("/api/auth/password/reset/confirm/", body).status_code == 400
    assert User.objects.get().check_password(PASSWORD)


def test_mails_to_one_address_are_limited_whoever_asks(owner, settings):
    settings.RESET_PER_ADDRESS = "1/100000000"

    assert (ask(owner).status_code, ask(UserFactory()).status_code) == (200, 429)


def test_phone_account_adds_an_address_when_it_signs_up(api_client, phones, mailoutbox):
    api_client.post("/api/auth/otp/", {"phone_number": PHONE})
    body = {"phone_number": PHONE, "code": phones.newest_code(PHONE), "email": NEW}

    signed_up = api_client.post("/api/auth/otp/verify/", body)
    phones.run_owed_work()
    confirmed = api_client.post(CONFIRM, {"token": token_in(mailoutbox[0])})

    assert (signed_up.status_code, signed_up.json()["user"]["email"], confirmed.status_code) == (200, None, 200)
    assert User.objects.get().email == NEW


def test_phone_account_never_gets_an_address_that_is_taken(api_client, owner, phones, mailoutbox):
    api_client.post("/api/auth/otp/", {"phone_number": PHONE})
    body = {"phone_number": PHONE, "code": phones.newest_code(PHONE), "email": OLD}

    signed_up = api_client.post("/api/auth/otp/verify/", body)
    phones.run_owed_work()

    assert (signed_up.status_code, signed_up.json()["user"]["email"]) == (200, None)
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [([OLD], "You already have an account at ByteMtaani")]


def test_e_mail_of_an_account_that_exists_is_not_touched_by_logging_in(api_client, phones, mailoutbox):
    UserFactory(email=OLD, phone_number=PHONE, phone_verified_at=timezone.now())
    api_client.post("/api/auth/otp/", {"phone_number": PHONE})
    body = {"phone_number": PHONE, "code": phones.newest_code(PHONE), "email": NEW}

    assert api_client.post("/api/auth/otp/verify/", body).status_code == 200
    phones.run_owed_work()
    assert (mailoutbox, EmailChange.objects.count(), User.objects.get().email) == ([], 0, OLD)
