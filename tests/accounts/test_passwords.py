"""Forgotten and changed passwords, and what strangers try."""

from datetime import timedelta

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.audit.models import SecurityEvent
from accounts.models import EmailToken, RefreshSession, User
from accounts.otp.models import OneTimeCode
from ecommerce.models import OutboxMessage
from tests.clients import client_for
from tests.factories import PASSWORD, UserFactory

RESET = "/api/auth/password/reset/"
CONFIRM = "/api/auth/password/reset/confirm/"
CHANGE = "/api/auth/password/change/"
LOGIN = "/api/auth/login/"
PROFILE = "/api/users/profile/"
EMAIL = "wanjiku@example.com"
PHONE = "+254712345678"
NEW = "chai-ya-maji-9"
ANSWER = {"detail": "If there is such an account, a message is on its way."}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def generous(settings):
    settings.SMS_PER_PHONE = settings.SMS_PER_PHONE_DAILY = settings.SMS_PER_NETWORK = "1000/100000000"
    settings.CODE_TRIES_PER_NETWORK = settings.RESET_PER_ADDRESS = settings.RESET_PER_NETWORK = "1000/100000000"
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"login": "1000/100000000"}


@pytest.fixture
def owner():
    return UserFactory(
        # A name made up of digits may look like a password of digits.
        username="wanjiku",
        email=EMAIL,
        phone_number=PHONE,
        phone_verified_at=timezone.now(),
        first_name="Wanjiku",
    )


def codes(answer) -> list[tuple[str | None, str]]:
    return [(row["attr"], row["code"]) for row in answer.json()["errors"]]


def ask(client, run_owed_work, mailoutbox, email=EMAIL):
    """Return the token of the mail that was asked for."""
    assert client.post(RESET, {"email": email}).status_code == 200
    run_owed_work()
    return mailoutbox[-1].body.split("#")[1].split()[0]


def may_log_in(password, email=EMAIL):
    return APIClient().post(LOGIN, {"email": email, "password": password}).status_code == 200


def accounts():
    return list(User.objects.order_by("pk").values())


# --- By mail ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [RESET, "/api/users/password/forgot/"])
def test_link_sets_a_password_and_ends_every_session(api_client, owner, run_owed_work, mailoutbox, settings, path):
    settings.FRONTEND_URL = "https://www.shop.example"
    signed_in = client_for(owner)
    asked = api_client.post(path, {"email": "WANJIKU@example.com"})
    run_owed_work()
    [mail] = mailoutbox
    token = mail.body.split("#")[1].split()[0]

    answer = api_client.post(CONFIRM, {"token": token, "password": NEW})
    run_owed_work()

    assert (asked.status_code, asked.json(), answer.status_code) == (200, ANSWER, 200)
    assert (mail.to, mail.subject) == ([EMAIL], "A new password for ByteMtaani")
    assert f"https://www.shop.example/reset-password#{token}" in mail.body
    assert len(token) >= 43  # 256 bits
    assert (may_log_in(NEW), may_log_in(PASSWORD)) == (True, False)
    assert signed_in.get(PROFILE).status_code == 401
    assert not RefreshSession.objects.filter(revoked_at__isnull=True, session_epoch=0).exists()
    owner.refresh_from_db()
    assert owner.email_verified_at is not None  # the link was read there
    assert [told.subject for told in mailoutbox[1:]] == ["Your password for ByteMtaani was changed"]
    events = SecurityEvent.objects.exclude(kind__startswith="login").values_list("kind", "user_id", "details")
    assert list(events) == [("password_reset", owner.pk, {"by": "email_link"})]


def test_token_lies_in_no_row(api_client, owner, run_owed_work, mailoutbox):
    token = ask(api_client, run_owed_work, mailoutbox)

    rows = [str(row) for model in (EmailToken, OutboxMessage, SecurityEvent) for row in model.objects.values()]
    assert not [row for row in rows if token in row]
    owed = [str(row) for model in (OutboxMessage, SecurityEvent) for row in model.objects.values()]
    assert not [row for row in owed if EMAIL in row]


def test_token_is_good_once(api_client, owner, run_owed_work, mailoutbox):
    token = ask(api_client, run_owed_work, mailoutbox)
    api_client.post(CONFIRM, {"token": token, "password": NEW})
    before = accounts()

    again = api_client.post(CONFIRM, {"token": token, "password": "mallory-pass-3"})

    assert (again.status_code, codes(again)) == (400, [(None, "invalid_token")])
    assert accounts() == before


@pytest.mark.django_db(transaction=True)
def test_token_sent_many_times_at_once_sets_one_password(together, api_client, owner, run_owed_work, mailoutbox):
    token = ask(api_client, run_owed_work, mailoutbox)
    wished = [f"chai-number-{n}-x" for n in range(12)]

    def confirm(password):
        return APIClient().post(CONFIRM, {"token": token, "password": password}).status_code

    statuses = together(*[lambda password=password: confirm(password) for password in wished])

    assert sorted(statuses) == [200] + [400] * 11
    assert may_log_in(wished[statuses.index(200)])
    assert SecurityEvent.objects.filter(kind="password_reset").count() == 1


def test_new_link_ends_the_former(api_client, owner, run_owed_work, mailoutbox):
    former, later = (ask(api_client, run_owed_work, mailoutbox) for _ in range(2))

    refused = api_client.post(CONFIRM, {"token": former, "password": "mallory-pass-3"})
    accepted = api_client.post(CONFIRM, {"token": later, "password": NEW})

    assert (refused.status_code, accepted.status_code) == (400, 200)


def test_expired_link_sets_nothing(api_client, owner, run_owed_work, mailoutbox):
    token = ask(api_client, run_owed_work, mailoutbox)
    link = EmailToken.objects.get()
    assert link.expires_at - link.created_at <= timedelta(hours=1, seconds=1)
    EmailToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    before = accounts()

    answer = api_client.post(CONFIRM, {"token": token, "password": NEW})

    assert (answer.status_code, codes(answer)) == (400, [(None, "invalid_token")])
    assert accounts() == before


def test_link_for_confirming_an_address_sets_no_password(api_client, run_owed_work, mailoutbox):
    api_client.post("/api/auth/register/", {"email": EMAIL, "password": PASSWORD})
    run_owed_work()
    verify = mailoutbox[-1].body.split("#")[1].split()[0]
    reset = ask(api_client, run_owed_work, mailoutbox)
    before = accounts()

    assert api_client.post(CONFIRM, {"token": verify, "password": NEW}).status_code == 400
    assert api_client.post("/api/auth/email/verify/", {"token": reset}).status_code == 400
    assert accounts() == before


@pytest.mark.parametrize("kind", ["reset", "verify"])
def test_link_ends_when_staff_correct_the_address_that_it_went_to(api_client, run_owed_work, mailoutbox, kind):
    owner = UserFactory(email="wrong@example.com")
    path, confirm, body = {
        "reset": (RESET, CONFIRM, {"password": NEW}),
        "verify": ("/api/auth/email/resend/", "/api/auth/email/verify/", {}),
    }[kind]
    api_client.post(path, {"email": "wrong@example.com"})
    run_owed_work()
    token = mailoutbox[-1].body.split("#")[1].split()[0]
    User.objects.filter(pk=owner.pk).update(email=EMAIL)
    before = accounts()

    answer = api_client.post(confirm, body | {"token": token})

    assert (answer.status_code, codes(answer)) == (400, [(None, "invalid_token")])
    assert accounts() == before


def test_account_that_was_closed_meanwhile_stays_closed(api_client, owner, run_owed_work, mailoutbox):
    token = ask(api_client, run_owed_work, mailoutbox)
    User.objects.update(is_active=False)
    before = accounts()

    answer = api_client.post(CONFIRM, {"token": token, "password": NEW})

    assert (answer.status_code, codes(answer)) == (400, [(None, "invalid_token")])
    assert accounts() == before


def test_known_unknown_and_closed_are_answered_alike_for_the_same_work(api_client, owner, run_owed_work, mailoutbox):
    UserFactory(email="closed@example.com", is_active=False)
    answers, statements = [], []
    for email in (EMAIL, "nobody@example.com", "closed@example.com"):
        with CaptureQueriesContext(connection) as queries:
            answers.append(api_client.post(RESET, {"email": email}))
        kinds = [query["sql"].split()[:3] for query in queries]
        statements.append([kind for kind in kinds if kind[0] not in ("SAVEPOINT", "RELEASE")])
    run_owed_work()

    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert {name for answer in answers for name in answer.headers} == set(answers[0].headers)
    assert statements[0] == statements[1] == statements[2]
    assert [mail.to for mail in mailoutbox] == [[EMAIL]]


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("short1!", "password_too_short"),
        ("password123", "password_too_common"),
        ("8305926174", "password_entirely_numeric"),
        ("wanjiku@example", "password_too_similar"),
        ("x9" * 65, "password_too_long"),
        ("x" * 1_000_000, "max_length"),
    ],
)
def test_weak_password_is_refused_and_the_link_stays_good(
    api_client, owner, run_owed_work, mailoutbox, monkeypatch, password, expected
):
    token = ask(api_client, run_owed_work, mailoutbox)
    before, hashed = accounts(), []

    with monkeypatch.context() as patched:
        patched.setattr(Argon2PasswordHasher, "encode", lambda self, password, salt: hashed.append(password))
        answer = api_client.post(CONFIRM, {"token": token, "password": password})

    assert (answer.status_code, codes(answer)) == (400, [("password", expected)])
    assert (accounts(), hashed) == (before, [])
    assert api_client.post(CONFIRM, {"token": token, "password": NEW}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"password": NEW},
        {"token": "x" * 201, "password": NEW},
        {"token": "x", "phone_number": PHONE, "code": "123456", "password": NEW},
        {"phone_number": PHONE, "password": NEW},
        {"code": "123456", "password": NEW},
        {"token": ["x"], "password": NEW},
        {"token": "unknown"},
        [],
    ],
)
def test_incomplete_requests_are_refused(api_client, owner, body):
    before = accounts()

    assert api_client.post(CONFIRM, body, format="json").status_code == 400
    assert accounts() == before


@pytest.mark.parametrize("body", [{}, {"email": EMAIL, "phone_number": PHONE}, {"email": "x"}, {"phone_number": "1"}])
def test_request_names_one_of_both(api_client, owner, body):
    assert api_client.post(RESET, body).status_code == 400
    assert not OutboxMessage.objects.exists()


def test_mails_are_limited_by_address_and_network_for_known_and_unknown_alike(api_client, owner, settings):
    settings.RESET_PER_ADDRESS, settings.RESET_PER_NETWORK = "2/100000000", "5/100000000"

    known = [api_client.post(RESET, {"email": EMAIL}).status_code for _ in range(3)]
    unknown = [api_client.post(RESET, {"email": "nobody@example.com"}).status_code for _ in range(3)]
    others = [api_client.post(RESET, {"email": f"u{n}@example.com"}).status_code for n in range(2)]

    assert (known, unknown, others) == ([200, 200, 429], [200, 200, 429], [200, 429])
    assert OutboxMessage.objects.count() == 5


# --- By text message --------------------------------------------------------------------------------------------


def test_code_sets_a_password(api_client, owner, phones):
    asked = api_client.post(RESET, {"phone_number": "0712345678"})
    code = phones.newest_code(PHONE)

    answer = api_client.post(CONFIRM, {"phone_number": PHONE, "code": code, "password": NEW})

    assert (asked.status_code, asked.json(), answer.status_code) == (200, ANSWER, 200)
    assert may_log_in(NEW)
    assert SecurityEvent.objects.get(kind="password_reset").details == {"by": "sms_code"}


def test_unknown_unconfirmed_and_powerful_numbers_are_answered_alike_and_get_no_message(api_client, phones):
    UserFactory(phone_number="+254700000001")
    UserFactory(phone_number="+254700000002", phone_verified_at=timezone.now(), is_staff=True)
    UserFactory(phone_number="+254700000003", phone_verified_at=timezone.now(), is_active=False)

    answers = [api_client.post(RESET, {"phone_number": f"+25470000000{n}"}) for n in range(4)]
    phones.run_owed_work()

    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert phones.sent == []


def test_weak_password_costs_a_try_and_not_the_code(api_client, owner, phones):
    api_client.post(RESET, {"phone_number": PHONE})
    body = {"phone_number": PHONE, "code": phones.newest_code(PHONE)}

    weak = api_client.post(CONFIRM, body | {"password": "password123"})
    strong = api_client.post(CONFIRM, body | {"password": NEW})
    again = api_client.post(CONFIRM, body | {"password": "mallory-pass-3"})

    assert (weak.status_code, codes(weak)) == (400, [("password", "password_too_common")])
    assert (strong.status_code, again.status_code, codes(again)) == (200, 400, [(None, "invalid_code")])
    assert may_log_in(NEW)


def test_code_for_logging_in_sets_no_password(api_client, owner, phones):
    api_client.post("/api/auth/otp/", {"phone_number": PHONE})
    code = phones.newest_code(PHONE)
    before = accounts()

    answer = api_client.post(CONFIRM, {"phone_number": PHONE, "code": code, "password": NEW})

    assert (answer.status_code, codes(answer)) == (400, [(None, "invalid_code")])
    assert accounts() == before


def test_guesses_end_after_five(api_client, owner, phones):
    api_client.post(RESET, {"phone_number": PHONE})
    code = phones.newest_code(PHONE)
    body = {"phone_number": PHONE, "password": NEW}
    for n in range(1, 6):
        api_client.post(CONFIRM, body | {"code": f"{(int(code) + n) % 1_000_000:06d}"})
    before = accounts()

    assert api_client.post(CONFIRM, body | {"code": code}).status_code == 400
    assert accounts() == before


# --- Changing ---------------------------------------------------------------------------------------------------


def test_change_ends_the_other_sessions_and_keeps_this_one(owner, run_owed_work, mailoutbox):
    here, elsewhere = client_for(owner), client_for(owner)

    answer = here.post(CHANGE, {"old_password": PASSWORD, "new_password": NEW})
    run_owed_work()

    assert (answer.status_code, set(answer.json())) == (200, {"access", "refresh"})
    assert (here.get(PROFILE).status_code, elsewhere.get(PROFILE).status_code) == (401, 401)
    new = APIClient(headers={"Authorization": f"Bearer {answer.json()['access']}"})
    assert new.get(PROFILE).status_code == 200
    assert new.post("/api/auth/refresh/", {"refresh": answer.json()["refresh"]}).status_code == 200
    assert (may_log_in(NEW), may_log_in(PASSWORD)) == (True, False)
    assert [mail.subject for mail in mailoutbox] == ["Your password for ByteMtaani was changed"]
    assert NEW not in mailoutbox[0].body
    event = SecurityEvent.objects.get(kind="password_changed")
    assert (event.user, event.details) == (owner, {"by": "password"})


def test_change_keeps_the_session_of_the_admin_and_ends_the_others(staff):
    here, elsewhere = Client(enforce_csrf_checks=False), Client()
    for client in (here, elsewhere):
        client.force_login(staff)

    answer = here.post(CHANGE, {"old_password": PASSWORD, "new_password": NEW}, content_type="application/json")

    assert answer.status_code == 200
    assert (here.get(PROFILE).status_code, elsewhere.get(PROFILE).status_code) == (200, 401)


@pytest.mark.parametrize("old", ["", PASSWORD + "x", PASSWORD.upper(), None, "x" * 1_000_000])
def test_wrong_old_password_changes_nothing(owner, old):
    client, before = client_for(owner), accounts()

    answer = client.post(CHANGE, {"old_password": old, "new_password": NEW})

    assert (answer.status_code, codes(answer)[0][0]) == (400, "old_password")
    assert accounts() == before
    assert client.get(PROFILE).status_code == 200


def test_missing_old_password_changes_nothing(owner):
    before = accounts()

    answer = client_for(owner).post(CHANGE, {"new_password": NEW})

    assert (answer.status_code, codes(answer)) == (400, [("old_password", "wrong_password")])
    assert accounts() == before


def test_old_password_is_not_guessed_with_a_stolen_token(owner):
    client, before = client_for(owner), accounts()
    guesses = [client.post(CHANGE, {"old_password": f"guess-{n}", "new_password": NEW}).status_code for n in range(6)]

    right = client.post(CHANGE, {"old_password": PASSWORD, "new_password": NEW})

    assert (guesses, right.status_code) == ([400] * 5 + [429], 429)
    assert accounts() == before


@pytest.mark.parametrize("password", ["password123", "x9" * 65, "wanjiku@example"])
def test_weak_new_password_is_refused_by_name(owner, password):
    before = accounts()

    answer = client_for(owner).post(CHANGE, {"old_password": PASSWORD, "new_password": password})

    assert (answer.status_code, codes(answer)[0][0]) == (400, "new_password")
    assert accounts() == before


@pytest.mark.django_db(transaction=True)
def test_changes_at_once_have_one_winner(together, owner):
    clients = [client_for(owner) for _ in range(4)]

    def change(number):
        return clients[number].post(CHANGE, {"old_password": PASSWORD, "new_password": f"chai-number-{number}-x"})

    statuses = [answer.status_code for answer in together(*[lambda n=n: change(n) for n in range(4)])]

    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 400, 401}
    assert may_log_in(f"chai-number-{statuses.index(200)}-x")


def test_account_without_password_sets_one_right_after_logging_in(api_client, phones):
    api_client.post("/api/auth/otp/", {"phone_number": PHONE})
    body = {"phone_number": PHONE, "code": phones.newest_code(PHONE)}
    pair = api_client.post("/api/auth/otp/verify/", body).json()
    RefreshSession.objects.update(family_started_at=timezone.now() - timedelta(minutes=16))
    old = api_client.post("/api/auth/refresh/", {"refresh": pair["refresh"]}).json()["access"]

    stale = api_client.post(CHANGE, {"new_password": NEW}, HTTP_AUTHORIZATION=f"Bearer {old}")
    unchanged = User.objects.get().has_usable_password()
    fresh = api_client.post(CHANGE, {"new_password": NEW}, HTTP_AUTHORIZATION=f"Bearer {pair['access']}")

    assert (stale.status_code, codes(stale), unchanged) == (403, [(None, "fresh_log_in_required")], False)
    assert (fresh.status_code, User.objects.get().check_password(NEW)) == (200, True)
    assert SecurityEvent.objects.get(kind="password_changed").details == {"by": "fresh_log_in"}


def test_change_ends_links_and_codes_that_were_on_their_way(api_client, owner, run_owed_work, mailoutbox, phones):
    token = ask(api_client, run_owed_work, mailoutbox)
    api_client.post(RESET, {"phone_number": PHONE})
    code = phones.newest_code(PHONE)
    client_for(owner).post(CHANGE, {"old_password": PASSWORD, "new_password": NEW})

    by_link = api_client.post(CONFIRM, {"token": token, "password": "mallory-pass-3"})
    by_code = api_client.post(CONFIRM, {"phone_number": PHONE, "code": code, "password": "mallory-pass-3"})

    assert (by_link.status_code, by_code.status_code) == (400, 400)
    assert (may_log_in(NEW), OneTimeCode.objects.live().count()) == (True, 0)


def test_nobody_changes_nothing(api_client):
    assert api_client.post(CHANGE, {"old_password": PASSWORD, "new_password": NEW}).status_code == 401
