"""Setting a second factor up over HTTP, and taking it away."""

import time
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from accounts.audit.models import SecurityEvent
from accounts.models import User
from accounts.second_factor import sealing, totp
from accounts.second_factor.models import RecoveryCode, SecondFactor
from accounts.second_factor.proof import FIRST_PAUSE, LONGEST_PAUSE
from accounts.tokens import rotate, start_session
from tests.accounts.second_factor.phones import TWO_FACTOR, Phone, factor_of, secret_of
from tests.clients import client_for
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return UserFactory(email="wanjiku@example.com", first_name="Wanjiku")


@pytest.fixture
def client(user):
    return client_for(user)


def code_of(answer) -> str:
    assert answer.status_code >= 400
    return answer.json()["errors"][0]["code"]


def kinds(user) -> list[str]:
    return list(SecurityEvent.objects.filter(user=user).order_by("created_at").values_list("kind", flat=True))


def grow_old(monkeypatch) -> None:
    """Let the log-in behind the client's token lie sixteen minutes back."""
    monkeypatch.setattr("accounts.freshness.time", lambda: time.time() + 16 * 60)


# --- Setting up -----------------------------------------------------------------------------------------------


def test_a_factor_holds_once_its_first_code_is_confirmed(client, user, clock):
    before = client.get(TWO_FACTOR).json()
    begun = client.post(f"{TWO_FACTOR}begin/", {})
    between = client.get(TWO_FACTOR).json()
    phone = Phone(user, secret_of(begun.json()["secret"]), clock, [])
    confirmed = client.post(f"{TWO_FACTOR}confirm/", {"code": phone.code()})
    after = client.get(TWO_FACTOR).json()

    assert (begun.status_code, confirmed.status_code) == (200, 200)
    off = {"enabled": False, "enabled_at": None, "demanded": False, "recovery_codes_left": 0}
    assert before == between == off
    user.refresh_from_db()
    since = user.second_factor_at.isoformat().replace("+00:00", "Z")
    assert after == {"enabled": True, "enabled_at": since, "demanded": False, "recovery_codes_left": 10}
    assert set(begun.json()) == {"secret", "otpauth_uri", "qr_svg"}
    assert begun.json()["secret"] in begun.json()["otpauth_uri"]
    codes = confirmed.json()["recovery_codes"]
    assert len(set(codes)) == 10
    assert all(len(code.replace("-", "")) == 12 for code in codes)
    assert {answer["Cache-Control"] for answer in (begun, confirmed)} == {"no-store"}
    assert kinds(user) == ["second_factor_added"]


def test_secret_and_codes_do_not_lie_in_the_database_in_clear(client, user, clock):
    begun = client.post(f"{TWO_FACTOR}begin/", {}).json()
    phone = Phone(user, secret_of(begun["secret"]), clock, [])
    codes = client.post(f"{TWO_FACTOR}confirm/", {"code": phone.code()}).json()["recovery_codes"]

    rows = [str(SecondFactor.objects.values()), str(RecoveryCode.objects.values()), str(SecurityEvent.objects.values())]
    for secret in (begun["secret"], phone.secret.hex(), *codes, *(code.replace("-", "") for code in codes)):
        assert not any(secret in row for row in rows)
    assert sealing.unseal(factor_of(user).sealed_secret, user_id=user.pk) == phone.secret


def test_a_sealed_secret_opens_nothing_in_another_row(user):
    sealed = sealing.seal(b"x" * 20, user_id=UserFactory().pk)

    with pytest.raises(sealing.KeyLost):
        sealing.unseal(sealed, user_id=user.pk)


def test_former_keys_still_open(phone_of, user, settings, api_client):
    phone = phone_of(user)
    settings.SECOND_FACTOR_KEYS = ["k" * 32, *settings.SECOND_FACTOR_KEYS]
    client = client_for(user)

    with_app = client.post(f"{TWO_FACTOR}recovery-codes/", {"code": phone.code()})
    settings.SECOND_FACTOR_KEYS = ["n" * 32, *settings.SECOND_FACTOR_KEYS]
    with_paper = client.post(f"{TWO_FACTOR}disable/", {"code": with_app.json()["recovery_codes"][0]})

    assert (with_app.status_code, with_paper.status_code) == (200, 204)


def test_a_lost_key_refuses_and_breaks_nothing(phone_of, user, settings):
    phone = phone_of(user)
    settings.SECOND_FACTOR_KEYS = ["another-key-that-sealed-nothing-yet"]

    answer = client_for(user).post(f"{TWO_FACTOR}disable/", {"code": phone.code()})

    assert (answer.status_code, code_of(answer)) == (400, "invalid_code")


def test_the_secret_is_shown_once(client, user):
    begun = client.post(f"{TWO_FACTOR}begin/", {}).json()

    assert begun["secret"] not in client.get(TWO_FACTOR).content.decode()
    assert client.get(f"{TWO_FACTOR}begin/").status_code == 405


def test_beginning_again_makes_another_secret(client, user, clock):
    first = client.post(f"{TWO_FACTOR}begin/", {}).json()["secret"]
    second = client.post(f"{TWO_FACTOR}begin/", {}).json()["secret"]

    old = client.post(f"{TWO_FACTOR}confirm/", {"code": Phone(user, secret_of(first), clock, []).code()})
    new = client.post(f"{TWO_FACTOR}confirm/", {"code": Phone(user, secret_of(second), clock, []).code()})

    assert first != second
    assert (code_of(old), new.status_code) == ("invalid_code", 200)


def test_a_factor_that_holds_is_not_replaced(phone_of, user):
    phone = phone_of(user)
    sealed = factor_of(user).sealed_secret
    client = client_for(user)

    again = client.post(f"{TWO_FACTOR}begin/", {"password": PASSWORD})
    confirmed = client.post(f"{TWO_FACTOR}confirm/", {"code": phone.code()})

    assert (code_of(again), code_of(confirmed)) == ("second_factor_exists", "second_factor_exists")
    assert (again.status_code, factor_of(user).sealed_secret) == (409, sealed)
    assert factor_of(user).recovery_codes.count() == 10


@pytest.mark.parametrize("code", ["000000", "12345", "1234567", "abcdef", "٠١٢٣٤٥", "x" * 64, "-", "      "])
def test_a_wrong_first_code_changes_nothing(client, user, clock, code):
    secret = secret_of(client.post(f"{TWO_FACTOR}begin/", {}).json()["secret"])
    code = Phone(user, secret, clock, []).wrong_code() if code == "000000" else code

    answer = client.post(f"{TWO_FACTOR}confirm/", {"code": code})

    user.refresh_from_db()
    assert (answer.status_code, user.second_factor_at) == (400, None)
    assert not RecoveryCode.objects.exists()
    assert not SecurityEvent.objects.filter(kind="second_factor_added").exists()


@pytest.mark.parametrize("body", [{}, {"code": None}, {"code": ["1"]}, {"code": "1" * 65}, {"code": "1" * 1_000_000}])
def test_a_malformed_code_is_refused_by_its_form(client, user, body):
    client.post(f"{TWO_FACTOR}begin/", {})

    answer = client.post(f"{TWO_FACTOR}confirm/", body)

    assert answer.status_code in (400, 413)
    assert factor_of(user).failures == 0


def test_confirming_what_was_not_begun_is_refused(client, user):
    answer = client.post(f"{TWO_FACTOR}confirm/", {"code": "000000"})

    assert (answer.status_code, code_of(answer)) == (409, "no_second_factor")
    assert not SecondFactor.objects.exists()


def test_an_old_log_in_must_give_the_password(client, user, monkeypatch):
    grow_old(monkeypatch)

    without = client.post(f"{TWO_FACTOR}begin/", {})
    wrong = client.post(f"{TWO_FACTOR}begin/", {"password": PASSWORD + "x"})
    sealed = SecondFactor.objects.values_list("sealed_secret", flat=True).first()
    right = client.post(f"{TWO_FACTOR}begin/", {"password": PASSWORD})

    assert (without.status_code, code_of(without)) == (403, "fresh_log_in_required")
    assert (wrong.status_code, code_of(wrong), sealed) == (400, "invalid_password", "")
    assert (right.status_code, factor_of(user).failures) == (200, 0)


def test_refreshing_does_not_make_a_log_in_fresh(user, monkeypatch):
    pair = start_session(user)
    user.refresh_sessions.update(family_started_at=timezone.now() - timedelta(minutes=16))
    client = client_for(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {rotate(pair.refresh).access}")

    assert code_of(client.post(f"{TWO_FACTOR}begin/", {})) == "fresh_log_in_required"
    assert not SecondFactor.objects.exists()


def test_passwords_are_not_guessed_here_either(client, user, monkeypatch):
    grow_old(monkeypatch)

    answers = [client.post(f"{TWO_FACTOR}begin/", {"password": f"guess-{n}"}).status_code for n in range(4)]
    right = client.post(f"{TWO_FACTOR}begin/", {"password": PASSWORD})

    assert (answers, right.status_code) == ([400, 400, 400, 429], 429)
    assert factor_of(user).sealed_secret == ""


# --- Taking away ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["app", "recovery_code", "password"])
def test_the_owner_removes_the_factor(phone_of, user, by):
    phone = phone_of(user)
    proof = {
        "app": {"code": phone.code()},
        "recovery_code": {"code": phone.recovery_codes[0].upper().replace("-", " ")},
        "password": {"password": PASSWORD},
    }[by]

    answer = client_for(user).post(f"{TWO_FACTOR}disable/", proof)

    user.refresh_from_db()
    assert (answer.status_code, user.second_factor_at) == (204, None)
    assert not SecondFactor.objects.exists()
    assert not RecoveryCode.objects.exists()
    removed = SecurityEvent.objects.get(kind="second_factor_removed")
    assert (removed.user, removed.actor, removed.details) == (user, user, {"by": by})


@pytest.mark.parametrize("path", ["disable/", "recovery-codes/"])
@pytest.mark.parametrize(
    ("proof", "code"),
    [
        ({}, "required"),
        ({"code": "wrong"}, "invalid_code"),
        ({"password": PASSWORD.upper()}, "invalid_password"),
        ({"code": "wrong", "password": "wrong"}, "invalid_code"),
    ],
)
def test_without_proof_nothing_changes(phone_of, user, path, proof, code):
    phone_of(user)
    before = list(RecoveryCode.objects.order_by("pk").values_list("code_hash", "used_at"))

    answer = client_for(user).post(f"{TWO_FACTOR}{path}", proof)

    user.refresh_from_db()
    assert (answer.status_code, code_of(answer)) == (400, code)
    assert user.second_factor_at is not None
    assert list(RecoveryCode.objects.order_by("pk").values_list("code_hash", "used_at")) == before


def test_codes_of_somebody_else_prove_nothing(phone_of, user):
    phone_of(user)
    other = phone_of(UserFactory())

    answers = [
        client_for(user).post(f"{TWO_FACTOR}disable/", {"code": code})
        for code in (other.code(), other.recovery_codes[0])
    ]

    user.refresh_from_db()
    assert [code_of(answer) for answer in answers] == ["invalid_code"] * 2
    assert user.second_factor_at is not None
    assert RecoveryCode.objects.filter(used_at=None).count() == 20


def test_staff_who_must_have_one_give_a_code_for_its_removal(phone_of, settings):
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    clerk = UserFactory(is_staff=True)
    phone = phone_of(clerk)
    client = client_for(clerk)

    by_password = client.post(f"{TWO_FACTOR}disable/", {"password": PASSWORD})
    by_both = client.post(f"{TWO_FACTOR}disable/", {"password": PASSWORD, "code": phone.wrong_code()})
    kept = User.objects.get(pk=clerk.pk).second_factor_at
    by_code = client.post(f"{TWO_FACTOR}disable/", {"code": phone.code()})

    assert (code_of(by_password), code_of(by_both), by_code.status_code) == ("code_required", "invalid_code", 204)
    assert kept is not None


def test_erasure_asks_for_a_code_and_not_for_the_password(phone_of, user):
    phone, client = phone_of(user), client_for(user)

    without = client.post("/api/users/erase/", {"password": PASSWORD})
    wrong = client.post("/api/users/erase/", {"password": PASSWORD, "code": phone.wrong_code()})
    before = User.objects.get(pk=user.pk).is_active
    right = client.post("/api/users/erase/", {"code": phone.code()})

    assert (code_of(without), code_of(wrong), before) == ("code_required", "invalid_code", True)
    assert (right.status_code, User.objects.get(pk=user.pk).is_active) == (202, False)


def test_new_recovery_codes_void_the_old_ones(phone_of, user):
    phone = phone_of(user)
    client = client_for(user)

    new = client.post(f"{TWO_FACTOR}recovery-codes/", {"code": phone.code()}).json()["recovery_codes"]
    old = client.post(f"{TWO_FACTOR}disable/", {"code": phone.recovery_codes[0]})

    assert (len(new), set(new) & set(phone.recovery_codes), code_of(old)) == (10, set(), "invalid_code")
    assert client.post(f"{TWO_FACTOR}disable/", {"code": new[0]}).status_code == 204
    assert kinds(user)[1:3] == ["recovery_codes_renewed", "second_factor_failed"]


@pytest.mark.parametrize("path", ["disable/", "recovery-codes/"])
def test_where_there_is_no_factor_there_is_nothing_to_change(client, path):
    answer = client.post(f"{TWO_FACTOR}{path}", {"password": PASSWORD})

    assert (answer.status_code, code_of(answer)) == (409, "no_second_factor")


# --- Guessing -------------------------------------------------------------------------------------------------


def test_each_further_wrong_code_waits_longer(phone_of, user, settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"login": "100/60"}
    phone = phone_of(user)
    client = client_for(user)
    pauses = []

    for _ in range(12):
        answer = client.post(f"{TWO_FACTOR}disable/", {"code": phone.wrong_code()})
        assert code_of(answer) == "invalid_code"
        factor = factor_of(user)
        pauses.append(factor.blocked_until and round((factor.blocked_until - timezone.now()).total_seconds()))
        SecondFactor.objects.update(blocked_until=None)  # the time has passed

    first, longest = FIRST_PAUSE.total_seconds(), LONGEST_PAUSE.total_seconds()
    doubling = [min(first * 2**n, longest) for n in range(10)]
    assert pauses == [None, None, *(pytest.approx(pause, abs=2) for pause in doubling)]


def test_while_tries_are_blocked_a_right_code_is_not_looked_at(phone_of, user):
    phone = phone_of(user)
    for _ in range(3):
        client_for(user).post(f"{TWO_FACTOR}disable/", {"code": phone.wrong_code()})

    answers = [
        client_for(user).post(f"{TWO_FACTOR}disable/", proof)
        for proof in ({"code": phone.code()}, {"code": phone.recovery_codes[0]}, {"password": PASSWORD})
    ]

    assert {(answer.status_code, code_of(answer)) for answer in answers} == {(429, "too_many_tries")}
    assert all(10 <= int(answer["Retry-After"]) <= 16 for answer in answers)
    user.refresh_from_db()
    assert (user.second_factor_at is not None, factor_of(user).failures) == (True, 3)
    SecondFactor.objects.update(blocked_until=timezone.now())
    assert client_for(user).post(f"{TWO_FACTOR}disable/", {"code": phone.code()}).status_code == 204


def test_a_right_code_forgets_the_wrong_ones(phone_of, user):
    phone = phone_of(user)
    client = client_for(user)
    for _ in range(2):
        client.post(f"{TWO_FACTOR}recovery-codes/", {"code": phone.wrong_code()})

    client.post(f"{TWO_FACTOR}recovery-codes/", {"code": phone.code()})

    assert (factor_of(user).failures, factor_of(user).blocked_until) == (0, None)


# --- The owner learns of it -----------------------------------------------------------------------------------


def test_the_owner_is_told_of_each_change(phone_of, user, run_owed_work):
    phone = phone_of(user)
    for _ in range(5):
        SecondFactor.objects.update(blocked_until=None)
        client_for(user).post(f"{TWO_FACTOR}disable/", {"code": phone.wrong_code()})
    SecondFactor.objects.update(blocked_until=None)
    client_for(user).post(f"{TWO_FACTOR}disable/", {"code": phone.recovery_codes[0]})

    run_owed_work()

    assert [letter.to for letter in mail.outbox] == [["wanjiku@example.com"]] * 4
    assert {letter.subject for letter in mail.outbox} == {
        "Your account at ByteMtaani now asks for a code",
        "Somebody is trying to get into your account at ByteMtaani",
        "A recovery code of your account at ByteMtaani was used",
        "Your account at ByteMtaani no longer asks for a code",
    }
    text = "".join(letter.body for letter in mail.outbox)
    assert "Codes that are left: 9." in text
    assert not any(code in text for code in (*phone.recovery_codes, totp.as_text(phone.secret)))


def test_an_account_without_an_address_gets_no_mail(phone_of, run_owed_work):
    phone_of(UserFactory(email=None))

    assert run_owed_work() == []


def test_the_state_costs_two_queries(client, user, django_assert_num_queries):
    client.get(TWO_FACTOR)

    with django_assert_num_queries(2):
        client.get(TWO_FACTOR)
