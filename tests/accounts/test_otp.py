"""Signing up and logging in by phone and one-time code, and what strangers try."""

import logging
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.audit.models import SecurityEvent
from accounts.models import RefreshSession, User
from accounts.otp.codes import check_code, use_code
from accounts.otp.models import OneTimeCode
from accounts.sms.exceptions import SmsNotReceived, SmsOutcomeUnknown
from accounts.sms.models import SmsMessage
from ecommerce.models import OutboxMessage
from tests.clients import client_for
from tests.factories import PASSWORD, UserFactory

ASK = "/api/auth/otp/"
VERIFY = "/api/auth/otp/verify/"
PROFILE = "/api/users/profile/"
PHONE = "+254712345678"
OTHER = "+254700000001"
BODY = {"phone_number": PHONE}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def generous(settings):
    settings.SMS_PER_PHONE = settings.SMS_PER_PHONE_DAILY = settings.SMS_PER_NETWORK = "1000/100000000"
    settings.CODE_TRIES_PER_NETWORK = "1000/100000000"
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"login": "1000/100000000"}


@pytest.fixture
def owner():
    return UserFactory(phone_number=PHONE, phone_verified_at=timezone.now(), first_name="Wanjiku")


def codes(answer) -> list[tuple[str | None, str]]:
    return [(row["attr"], row["code"]) for row in answer.json()["errors"]]


def ask(client, phones, number=PHONE):
    assert client.post(ASK, {"phone_number": number}).status_code == 200
    return phones.newest_code(number)


def other_than(code):
    return f"{(int(code) + 1) % 1_000_000:06d}"


def texts_of(model):
    """Return a table's rows without ids and times, in which six digits may stand by chance."""
    names = [field.name for field in model._meta.fields]
    return model.objects.values(*[name for name in names if not name.endswith(("_at", "id", "until", "_key"))])


def everything():
    """Whatever a refusal must leave alone."""
    return (
        list(User.objects.order_by("pk").values()),
        RefreshSession.objects.count(),
        SecurityEvent.objects.exclude(kind="login_failed").count(),
    )


# --- The way in -------------------------------------------------------------------------------------------------


def test_new_number_gets_an_account_without_password_and_e_mail(api_client, phones):
    asked = api_client.post(ASK, {"phone_number": "0712 345 678"})
    code = phones.newest_code(PHONE)

    answer = api_client.post(VERIFY, {"phone_number": "0712345678", "code": code, "first_name": "Wanjiku"})

    assert (asked.status_code, answer.status_code) == (200, 200)
    assert set(answer.json()) == {"access", "refresh", "user", "created"}
    user = User.objects.get()
    assert (user.phone_number, user.phone_verified_at is None, user.email, user.first_name, user.role) == (
        PHONE, False, None, "Wanjiku", "customer",
    )  # fmt: skip
    assert (user.has_usable_password(), user.is_staff, user.is_superuser) == (False, False, False)
    assert (answer.json()["created"], answer.json()["user"]["id"]) == (True, str(user.pk))
    profile = api_client.get(PROFILE, HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    assert (profile.status_code, profile.json()["phone_number"]) == (200, PHONE)
    assert list(SecurityEvent.objects.order_by("created_at").values_list("kind", "user_id", "details")) == [
        ("signed_up", user.pk, {"by": "sms_code"}),
        ("login", user.pk, {"by": "sms_code"}),
    ]


def test_known_number_logs_in_and_keeps_its_name(api_client, phones, owner):
    code = ask(api_client, phones)

    answer = api_client.post(VERIFY, BODY | {"code": f"{code[:3]} {code[3:]}", "first_name": "Mallory"})

    assert (answer.status_code, answer.json()["created"], answer.json()["user"]["id"]) == (200, False, str(owner.pk))
    assert User.objects.get().first_name == "Wanjiku"


def test_foreign_number_may_sign_up(api_client, phones):
    code = ask(api_client, phones, "+256772123456")

    assert api_client.post(VERIFY, {"phone_number": "+256772123456", "code": code}).status_code == 200


@pytest.mark.parametrize("number", ["", "123", "+2547", "0612345678", "+254712345678 ext 1", None, 7, ["0712345678"]])
def test_what_is_no_number_gets_no_message(api_client, phones, number):
    answer = api_client.post(ASK, {"phone_number": number})

    assert (answer.status_code, codes(answer)[0][0]) == (400, "phone_number")
    assert not OneTimeCode.objects.exists()


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "123456\n1", None, ["123456"], "0" * 1_000_000]
)
def test_what_is_no_code_costs_no_try(api_client, phones, code):
    right = ask(api_client, phones)

    answer = api_client.post(VERIFY, BODY | {"code": code})

    assert (answer.status_code, codes(answer)[0][0]) == (400, "code")
    assert OneTimeCode.objects.get().tries == 0
    assert api_client.post(VERIFY, BODY | {"code": right}).status_code == 200


# --- Nothing is told, nothing is kept ---------------------------------------------------------------------------


def test_known_unknown_and_inactive_are_answered_alike_for_the_same_work(api_client, phones, owner):
    inactive = UserFactory(phone_number=OTHER, phone_verified_at=timezone.now(), is_active=False)
    answers, statements = [], []
    for number in (PHONE, "+254700000009", inactive.phone_number):
        with CaptureQueriesContext(connection) as queries:
            answers.append(api_client.post(ASK, {"phone_number": number}))
        kinds = [query["sql"].split()[:3] for query in queries]
        statements.append([kind for kind in kinds if kind[0] not in ("SAVEPOINT", "RELEASE")])
    phones.run_owed_work()

    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert {name for answer in answers for name in answer.headers} == set(answers[0].headers)
    assert statements[0] == statements[1] == statements[2]
    assert len(phones.sent) == 3


def test_code_lies_neither_in_the_outbox_nor_in_rows_nor_in_logs(api_client, phones, caplog):
    with caplog.at_level(logging.DEBUG):
        code = ask(api_client, phones)
        api_client.post(VERIFY, BODY | {"code": code})

    message = OutboxMessage.objects.get(topic="accounts.send_code")
    assert message.payload == {"code_id": str(OneTimeCode.objects.get().pk)}
    rows = [str(row) for model in (OneTimeCode, SmsMessage, SecurityEvent, OutboxMessage) for row in texts_of(model)]
    logs = [str(record.__dict__) for record in caplog.records if record.name.startswith(("accounts", "ecommerce"))]
    assert not [line for line in rows + logs if code in line]
    assert not [line for line in logs if "712345" in line]
    assert len(OneTimeCode.objects.get().code_hash) == 64


def test_message_fits_into_one_and_warns(api_client, phones):
    code = ask(api_client, phones)

    text = f"{code} is your ByteMtaani code to log in. It is good for 5 minutes. Tell it to nobody, not even to us."
    assert phones.sent == [(PHONE, text)]
    assert len(text) <= 160


# --- Codes that do not work -------------------------------------------------------------------------------------


def test_wrong_code_is_refused_and_written_down(api_client, phones, owner):
    code = ask(api_client, phones)
    before = everything()

    answer = api_client.post(VERIFY, BODY | {"code": other_than(code)})

    assert (answer.status_code, codes(answer)) == (400, [(None, "invalid_code")])
    assert everything() == before
    assert list(SecurityEvent.objects.values_list("kind", "details")) == [("login_failed", {"by": "sms_code"})]


def test_code_is_good_once(api_client, phones):
    code = ask(api_client, phones)
    first = api_client.post(VERIFY, BODY | {"code": code})
    before = everything()

    second = api_client.post(VERIFY, BODY | {"code": code})

    assert (first.status_code, second.status_code, codes(second)) == (200, 400, [(None, "invalid_code")])
    assert everything() == before


@pytest.mark.django_db(transaction=True)
def test_code_sent_twenty_times_at_once_logs_in_once(together, api_client, phones):
    code = ask(api_client, phones)

    statuses = together(*[lambda: APIClient().post(VERIFY, BODY | {"code": code}).status_code] * 20)

    assert sorted(statuses) == [200] + [400] * 19
    assert (User.objects.count(), RefreshSession.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_code_that_was_found_right_by_several_at_once_is_used_by_one(together, api_client, phones):
    code = ask(api_client, phones)
    question = {"purpose": "log_in", "phone_number": PHONE, "code": code, "address": "10.0.0.1"}
    found = [check_code(**question) for _ in range(5)]

    results = together(*[lambda each=each: use_code(each) for each in found])

    assert sorted(type(result).__name__ for result in results) == ["InvalidCode"] * 4 + ["NoneType"]


@pytest.mark.django_db(transaction=True)
def test_parallel_guesses_have_no_more_than_five_tries(together, api_client, phones, owner):
    code = ask(api_client, phones)
    wrong = [f"{(int(code) + number) % 1_000_000:06d}" for number in range(1, 21)]

    together(*[lambda guess=guess: APIClient().post(VERIFY, BODY | {"code": guess}).status_code for guess in wrong])
    right = api_client.post(VERIFY, BODY | {"code": code})

    assert OneTimeCode.objects.get().tries == 5
    assert (right.status_code, codes(right)) == (400, [(None, "invalid_code")])
    assert not RefreshSession.objects.exists()


def test_fifth_try_counts_and_the_sixth_does_not(api_client, phones, owner):
    code = ask(api_client, phones)
    for _ in range(4):
        api_client.post(VERIFY, BODY | {"code": other_than(code)})
    assert api_client.post(VERIFY, BODY | {"code": code}).status_code == 200

    code = ask(api_client, phones)
    for _ in range(5):
        api_client.post(VERIFY, BODY | {"code": other_than(code)})
    assert api_client.post(VERIFY, BODY | {"code": code}).status_code == 400


def test_expired_code_is_no_code(api_client, phones, owner):
    code = ask(api_client, phones)
    OneTimeCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    before = everything()

    answer = api_client.post(VERIFY, BODY | {"code": code})

    assert (answer.status_code, codes(answer)) == (400, [(None, "invalid_code")])
    assert everything() == before


def test_code_is_good_for_five_minutes(api_client, phones):
    ask(api_client, phones)

    code = OneTimeCode.objects.get()
    assert abs(code.expires_at - code.created_at - timedelta(minutes=5)) < timedelta(seconds=1)


def test_later_code_ends_the_former(api_client, phones, owner):
    former, later = ask(api_client, phones), ask(api_client, phones)
    if former == later:
        later = ask(api_client, phones)

    refused = api_client.post(VERIFY, BODY | {"code": former})
    accepted = api_client.post(VERIFY, BODY | {"code": later})

    assert (refused.status_code, accepted.status_code) == (400, 200)


@pytest.mark.django_db(transaction=True)
def test_codes_asked_for_at_once_leave_one_open(together, phones):
    statuses = together(*[lambda: APIClient().post(ASK, BODY).status_code] * 8)

    assert statuses == [200] * 8
    assert (OneTimeCode.objects.count(), OneTimeCode.objects.live().count()) == (8, 1)


def test_code_of_another_phone_is_no_code(api_client, phones, owner):
    code = ask(api_client, phones, OTHER)
    ask(api_client, phones)
    before = everything()

    answer = api_client.post(VERIFY, BODY | {"code": code})

    assert answer.status_code == 400
    assert everything() == before


def test_code_before_it_is_sent_is_no_code(api_client, owner):
    api_client.post(ASK, BODY)

    assert api_client.post(VERIFY, BODY | {"code": "000000"}).status_code == 400


@pytest.mark.parametrize(
    "powers",
    [{"is_active": False}, {"is_staff": True}, {"is_superuser": True}, {"role": "admin"}],
)
def test_inactive_and_powerful_accounts_are_refused_like_a_wrong_code(api_client, phones, powers):
    UserFactory(phone_number=PHONE, phone_verified_at=timezone.now(), **powers)
    code = ask(api_client, phones)
    before = everything()

    right = api_client.post(VERIFY, BODY | {"code": code})
    wrong = api_client.post(VERIFY, BODY | {"code": other_than(code)})

    assert (right.status_code, right.content) == (wrong.status_code, wrong.content)
    assert codes(right) == [(None, "invalid_code")]
    assert everything() == before


def test_number_that_another_only_wrote_down_gives_no_rights(api_client, phones):
    squatter = UserFactory(phone_number=PHONE)
    before = User.objects.values().get()
    code = ask(api_client, phones)

    answer = api_client.post(VERIFY, BODY | {"code": code})

    assert (answer.status_code, answer.json()["created"]) == (200, True)
    assert answer.json()["user"]["id"] != str(squatter.pk)
    assert User.objects.values().get(pk=squatter.pk) == before


def test_privileges_in_the_body_are_ignored(api_client, phones):
    code = ask(api_client, phones)
    wished = {"role": "admin", "is_staff": True, "is_superuser": True, "email": "boss@example.com", "username": "boss"}

    api_client.post(VERIFY, BODY | {"code": code} | wished)

    user = User.objects.get()
    assert (user.role, user.is_staff, user.is_superuser, user.email, user.username == "boss") == (
        "customer", False, False, None, False,
    )  # fmt: skip


# --- How many ---------------------------------------------------------------------------------------------------


def test_codes_are_limited_by_phone_for_known_and_unknown_alike(api_client, phones, owner, settings):
    settings.SMS_PER_PHONE = "2/100000000"

    known = [api_client.post(ASK, BODY) for _ in range(4)]
    unknown = [api_client.post(ASK, {"phone_number": OTHER}) for _ in range(4)]

    for answers in (known, unknown):
        assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
        assert int(answers[2]["Retry-After"]) > 0
    assert [answer.json() for answer in known[:2]] == [answer.json() for answer in unknown[:2]]
    assert (OneTimeCode.objects.count(), OneTimeCode.objects.live().count()) == (4, 2)


def test_refused_request_leaves_the_former_code_alone(api_client, phones, settings):
    settings.SMS_PER_PHONE = "1/100000000"
    code = ask(api_client, phones)

    assert api_client.post(ASK, BODY).status_code == 429
    assert api_client.post(VERIFY, BODY | {"code": code}).status_code == 200


def test_codes_are_limited_by_network(api_client, phones, settings):
    settings.SMS_PER_NETWORK = "2/100000000"

    statuses = [api_client.post(ASK, {"phone_number": f"+25470000000{n}"}).status_code for n in range(3)]

    assert statuses == [200, 200, 429]


def test_guesses_are_limited_by_network_though_redis_is_away(api_client, phones, owner, settings, monkeypatch):
    monkeypatch.setattr("ecommerce.throttling.hit", lambda scope, identity: None)
    settings.CODE_TRIES_PER_NETWORK = "3/100000000"
    code = ask(api_client, phones)

    wrong = [api_client.post(VERIFY, {"phone_number": OTHER, "code": "000000"}).status_code for _ in range(4)]
    right = api_client.post(VERIFY, BODY | {"code": code})

    assert (wrong, right.status_code) == ([400, 400, 400, 429], 429)
    assert OneTimeCode.objects.get().tries == 0


def test_shop_without_a_carrier_says_so(api_client, settings):
    settings.SMS = {"BACKEND": ""}

    answer = api_client.post(ASK, BODY)

    assert (answer.status_code, codes(answer)) == (503, [(None, "sms_unavailable")])
    assert not OneTimeCode.objects.exists()


# --- On the way -------------------------------------------------------------------------------------------------


def test_message_that_was_not_received_comes_again(api_client, phones):
    phones.failure = SmsNotReceived("no connection")
    api_client.post(ASK, BODY)
    phones.run_owed_work()
    waiting = OutboxMessage.objects.get()
    phones.failure = None
    OutboxMessage.objects.update(next_attempt_at=timezone.now())

    code = phones.newest_code(PHONE)

    assert (waiting.done_at, waiting.dead_at, waiting.attempts) == (None, None, 0)
    assert api_client.post(VERIFY, BODY | {"code": code}).status_code == 200
    assert SmsMessage.objects.get().status == "accepted"


def test_message_with_an_unknown_outcome_is_not_repeated(api_client, phones):
    phones.failure = SmsOutcomeUnknown("ReadTimeout")
    api_client.post(ASK, BODY)
    phones.run_owed_work()
    phones.failure = None
    OutboxMessage.objects.update(next_attempt_at=timezone.now(), done_at=None)

    phones.run_owed_work()

    assert (phones.sent, SmsMessage.objects.get().status) == ([], "unknown")
    assert ask(api_client, phones)


def test_late_worker_sends_no_code_that_is_over(api_client, phones):
    api_client.post(ASK, BODY)
    OneTimeCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    phones.run_owed_work()

    assert (phones.sent, SmsMessage.objects.count()) == ([], 0)


# --- The number of somebody signed in ---------------------------------------------------------------------------

MINE = "/api/users/phone/"
CONFIRM = "/api/users/phone/verify/"


def ask_mine(user, phones, number=PHONE):
    answer = client_for(user).post(MINE, {"phone_number": number, "password": PASSWORD})
    assert answer.status_code == 200
    return phones.newest_code(number)


def test_number_is_confirmed_and_the_owner_is_told(customer, phones, mailoutbox):
    code = ask_mine(customer, phones)

    answer = client_for(customer).post(CONFIRM, BODY | {"code": code})
    phones.run_owed_work()

    assert answer.status_code == 200
    customer.refresh_from_db()
    assert (customer.phone_number, customer.phone_verified_at is None) == (PHONE, False)
    assert [mail.to for mail in mailoutbox] == [[customer.email]]
    assert PHONE not in mailoutbox[0].body
    assert list(SecurityEvent.objects.values_list("kind", "user_id")) == [("phone_confirmed", customer.pk)]


@pytest.mark.parametrize(("password", "code"), [("", "wrong_password"), ("other-pass-9", "wrong_password")])
def test_stolen_token_alone_confirms_no_number(customer, phones, password, code):
    answer = client_for(customer).post(MINE, BODY | {"password": password})

    assert answer.status_code == 400
    assert codes(answer) in ([("password", code)], [("password", "blank")])
    assert not OneTimeCode.objects.exists()


def test_passwords_are_not_guessed_with_a_stolen_token(customer, phones):
    client = client_for(customer)

    statuses = [client.post(MINE, BODY | {"password": f"guess-{n}-xyz"}).status_code for n in range(6)]
    right = client.post(MINE, BODY | {"password": PASSWORD})

    assert (statuses, right.status_code) == ([400] * 5 + [429], 429)
    assert not OneTimeCode.objects.exists()


def test_account_without_password_needs_a_fresh_log_in(api_client, phones):
    code = ask(api_client, phones)
    pair = api_client.post(VERIFY, BODY | {"code": code}).json()
    fresh = api_client.post(MINE, {"phone_number": OTHER}, HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
    RefreshSession.objects.update(family_started_at=timezone.now() - timedelta(minutes=16))
    pair = api_client.post("/api/auth/refresh/", {"refresh": pair["refresh"]}).json()

    old = api_client.post(MINE, {"phone_number": OTHER}, HTTP_AUTHORIZATION=f"Bearer {pair['access']}")

    assert (fresh.status_code, old.status_code, codes(old)) == (200, 403, [(None, "fresh_log_in_required")])


def test_code_that_another_asked_for_confirms_nothing(customer, phones):
    other = UserFactory()
    code = ask_mine(other, phones)
    before = User.objects.values().get(pk=customer.pk)

    answer = client_for(customer).post(CONFIRM, BODY | {"code": code})

    assert (answer.status_code, codes(answer)) == (400, [(None, "invalid_code")])
    assert User.objects.values().get(pk=customer.pk) == before


def test_code_for_logging_in_confirms_no_number_and_the_other_way_round(api_client, customer, phones):
    to_log_in, to_confirm = ask(api_client, phones), ask_mine(customer, phones)
    if to_log_in == to_confirm:
        to_log_in = ask(api_client, phones)

    confirmed = client_for(customer).post(CONFIRM, BODY | {"code": to_log_in})
    logged_in = api_client.post(VERIFY, BODY | {"code": to_confirm})

    assert (confirmed.status_code, logged_in.status_code) == (400, 400)
    assert User.objects.filter(phone_verified_at__isnull=False).count() == 0


def test_number_of_another_is_not_taken_over(customer, phones, owner):
    code = ask_mine(customer, phones)
    before = list(User.objects.order_by("pk").values())

    answer = client_for(customer).post(CONFIRM, BODY | {"code": code})

    assert (answer.status_code, codes(answer)) == (409, [(None, "phone_number_taken")])
    assert list(User.objects.order_by("pk").values()) == before
    assert not SecurityEvent.objects.exists()


@pytest.mark.parametrize("path", [MINE, CONFIRM])
def test_nobody_confirms_nothing(api_client, path):
    assert api_client.post(path, BODY | {"code": "123456"}).status_code == 401


@pytest.mark.parametrize("number", ["", OTHER])
def test_profile_does_not_take_away_the_only_way_in(api_client, phones, number):
    code = ask(api_client, phones)
    access = api_client.post(VERIFY, BODY | {"code": code}).json()["access"]

    answer = api_client.patch(PROFILE, {"phone_number": number}, HTTP_AUTHORIZATION=f"Bearer {access}")

    assert (answer.status_code, codes(answer)) == (400, [("phone_number", "phone_is_the_login")])
    user = User.objects.get()
    assert (user.phone_number, user.phone_verified_at is None) == (PHONE, False)
