"""Logging in in two steps."""

import base64
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import services, tokens
from accounts.audit.models import SecurityEvent
from accounts.models import RefreshSession, User
from accounts.second_factor import challenges
from accounts.second_factor.models import LogInChallenge, RecoveryCode, SecondFactor
from tests.accounts.second_factor.phones import TWO_FACTOR, factor_of, with_factor
from tests.factories import PASSWORD, UserFactory

LOGIN = "/api/auth/login/"
VERIFY = f"{TWO_FACTOR}verify/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return UserFactory(email="wanjiku@example.com")


def first_step(api_client, user) -> str:
    return api_client.post(LOGIN, {"email": user.email, "password": PASSWORD}).json()["challenge"]


def came_in(user) -> bool:
    user.refresh_from_db()
    return user.last_login is not None or user.refresh_sessions.exists()


def errors(answer) -> tuple[int, list[str]]:
    return answer.status_code, [row["code"] for row in answer.json()["errors"]]


@pytest.mark.parametrize("path", [LOGIN, "/api/token/"])
def test_the_password_alone_gives_no_tokens(api_client, phone_of, user, path):
    phone_of(user)

    answer = api_client.post(path, {"email": user.email, "password": PASSWORD})

    assert answer.status_code == 200
    assert set(answer.json()) == {"second_factor_required", "challenge", "expires_in"}
    assert (answer.json()["second_factor_required"], answer.json()["expires_in"]) == (True, 300)
    assert answer.json()["challenge"] not in str(LogInChallenge.objects.values())
    assert not came_in(user)


def test_a_wrong_password_is_told_like_any_other(api_client, phone_of, user):
    phone_of(user)

    answer = api_client.post(LOGIN, {"email": user.email, "password": "wrong"})

    assert errors(answer) == (401, ["invalid_credentials"])
    assert not LogInChallenge.objects.exists()


@pytest.mark.parametrize("by", ["app", "recovery_code"])
def test_the_code_ends_the_log_in(api_client, phone_of, user, by):
    phone = phone_of(user)
    code = {"app": phone.code(), "recovery_code": phone.recovery_codes[3]}[by]

    answer = api_client.post(VERIFY, {"challenge": first_step(api_client, user), "code": code})

    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh", "user"}
    assert answer.json()["user"]["email"] == user.email
    profile = api_client.get("/api/users/profile/", HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    assert profile.status_code == 200
    entry = SecurityEvent.objects.get(kind="login")
    assert (entry.user, entry.details) == (user, {"by": "password", "second_factor": by})


@pytest.mark.parametrize("way_in", ["otp", "google", "whatever-comes-next"])
def test_every_way_in_waits_for_the_code(phone_of, user, rf, way_in):
    phone_of(user)

    outcome = services.finish_log_in(rf.post("/"), user, by=way_in)

    assert isinstance(outcome, challenges.Challenge)
    assert LogInChallenge.objects.get().by == way_in
    assert not came_in(user)


def test_without_a_factor_nothing_changes_and_nothing_is_asked(api_client, user, django_assert_num_queries):
    answer = api_client.post(LOGIN, {"email": user.email, "password": PASSWORD})

    assert set(answer.json()) == {"access", "refresh", "user"}
    assert not LogInChallenge.objects.exists()
    assert SecurityEvent.objects.get().details == {"by": "password"}


def test_a_code_works_once_for_many_challenges(api_client, phone_of, user):
    phone = phone_of(user)
    one, two = first_step(api_client, user), first_step(api_client, user)

    first = api_client.post(VERIFY, {"challenge": one, "code": phone.code()})
    second = api_client.post(VERIFY, {"challenge": two, "code": phone.code()})
    phone.clock.next_step()
    third = api_client.post(VERIFY, {"challenge": two, "code": phone.code()})

    assert (first.status_code, errors(second), third.status_code) == (200, (400, ["invalid_code"]), 200)
    assert RefreshSession.objects.count() == 2


def test_a_code_from_before_the_last_used_one_is_refused(api_client, phone_of, user):
    phone = phone_of(user)
    api_client.post(VERIFY, {"challenge": first_step(api_client, user), "code": phone.code(1)})

    answer = api_client.post(VERIFY, {"challenge": first_step(api_client, user), "code": phone.code(0)})

    assert errors(answer) == (400, ["invalid_code"])
    assert RefreshSession.objects.count() == 1


def test_a_recovery_code_works_once(api_client, phone_of, user):
    phone = phone_of(user)
    body = {"code": phone.recovery_codes[0]}

    first = api_client.post(VERIFY, body | {"challenge": first_step(api_client, user)})
    second = api_client.post(VERIFY, body | {"challenge": first_step(api_client, user)})

    assert (first.status_code, errors(second)) == (200, (400, ["invalid_code"]))
    assert RecoveryCode.objects.filter(used_at=None).count() == 9


def test_a_challenge_works_once(api_client, phone_of, user):
    phone = phone_of(user)
    challenge = first_step(api_client, user)
    api_client.post(VERIFY, {"challenge": challenge, "code": phone.code()})
    phone.clock.next_step()

    again = api_client.post(VERIFY, {"challenge": challenge, "code": phone.code()})

    assert errors(again) == (401, ["invalid_challenge"])
    assert (RefreshSession.objects.count(), factor_of(user).failures) == (1, 0)


def test_a_wrong_code_leaves_the_challenge_open(api_client, phone_of, user):
    phone = phone_of(user)
    challenge = first_step(api_client, user)

    wrong = api_client.post(VERIFY, {"challenge": challenge, "code": phone.wrong_code()})
    before = came_in(user)
    right = api_client.post(VERIFY, {"challenge": challenge, "code": phone.code()})

    assert (errors(wrong), before, right.status_code) == ((400, ["invalid_code"]), False, 200)
    failed = SecurityEvent.objects.get(kind="second_factor_failed")
    assert (failed.user, failed.details) == (user, {"of": "code", "failures": 1})


def test_new_challenges_do_not_give_new_tries(api_client, phone_of, user):
    phone = phone_of(user)
    for _ in range(3):
        api_client.post(VERIFY, {"challenge": first_step(api_client, user), "code": phone.wrong_code()})

    answer = api_client.post(VERIFY, {"challenge": first_step(api_client, user), "code": phone.code()})

    assert errors(answer) == (429, ["too_many_tries"])
    assert int(answer["Retry-After"]) > 0
    assert not came_in(user)


@pytest.mark.parametrize("challenge", ["", "x", "x" * 200, "x" * 201, "x" * 1_000_000, None, ["x"], "\x00", "ｘ"])
def test_what_is_no_challenge_is_refused(api_client, phone_of, user, challenge):
    phone = phone_of(user)
    first_step(api_client, user)

    answer = api_client.post(VERIFY, {"challenge": challenge, "code": phone.code()})

    assert answer.status_code in (400, 401, 413)
    assert not came_in(user)


def test_an_access_token_is_no_challenge(api_client, phone_of, user):
    phone = phone_of(user)
    access = tokens.start_session(UserFactory()).access

    answer = api_client.post(VERIFY, {"challenge": access[:200], "code": phone.code()})

    assert errors(answer) == (401, ["invalid_challenge"])
    assert not came_in(user)


@pytest.mark.parametrize("meanwhile", ["expired", "deactivated", "ended everywhere", "factor removed"])
def test_what_happens_between_the_steps_ends_the_log_in(api_client, phone_of, user, meanwhile, rf):
    phone = phone_of(user)
    challenge = first_step(api_client, user)
    if meanwhile == "expired":
        LogInChallenge.objects.update(expires_at=timezone.now())
    elif meanwhile == "deactivated":
        User.objects.update(is_active=False)
    elif meanwhile == "ended everywhere":  # as a new password does
        tokens.end_all_sessions(user)
    else:
        SecondFactor.objects.all().delete()
        User.objects.update(second_factor_at=None)

    answer = api_client.post(VERIFY, {"challenge": challenge, "code": phone.code()})

    assert errors(answer) == (401, ["invalid_challenge"])
    assert not came_in(user)


def test_the_challenge_of_one_is_not_ended_by_the_code_of_another(api_client, phone_of, user):
    phone_of(user)
    other = phone_of(UserFactory())

    answers = [
        api_client.post(VERIFY, {"challenge": first_step(api_client, user), "code": code})
        for code in (other.code(), other.recovery_codes[0])
    ]

    assert [errors(answer) for answer in answers] == [(400, ["invalid_code"])] * 2
    assert not came_in(user)
    assert RecoveryCode.objects.filter(used_at=None).count() == 20


def test_a_challenge_opens_nothing_by_itself(api_client, phone_of, user):
    phone_of(user)
    challenge = first_step(api_client, user)

    statuses = [
        api_client.get("/api/users/profile/", HTTP_AUTHORIZATION=f"{kind} {challenge}").status_code
        for kind in ("Bearer", "Token")
    ]
    refreshed = api_client.post("/api/auth/refresh/", {"refresh": challenge}).status_code

    assert (statuses, refreshed) == ([401, 401], 401)


def test_old_challenges_of_the_user_go(api_client, phone_of, user):
    phone_of(user)
    for _ in range(3):
        first_step(api_client, user)
    LogInChallenge.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    first_step(api_client, user)

    assert LogInChallenge.objects.count() == 1


def test_a_challenge_is_random_and_long(user, phone_of):
    phone_of(user)

    made = {challenges.start(user, by="password").token for _ in range(20)}

    assert len(made) == 20
    assert all(len(base64.urlsafe_b64decode(token + "=")) == 32 for token in made)


def test_second_steps_are_limited_apart_from_log_ins(api_client, phone_of, user, settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"login": "3/60"}
    phone_of(user)
    challenge = first_step(api_client, user)

    steps = [api_client.post(VERIFY, {"challenge": "x", "code": "000000"}).status_code for _ in range(4)]
    log_ins = [api_client.post(LOGIN, {"email": user.email, "password": PASSWORD}).status_code for _ in range(3)]

    assert challenge
    assert (steps, log_ins) == ([401, 401, 401, 429], [200, 200, 429])


# --- Races ----------------------------------------------------------------------------------------------------


def tries(api_client, bodies, together):
    return [
        answer.status_code
        for answer in together(*(lambda body=body: api_client.__class__().post(VERIFY, body) for body in bodies))
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["app", "recovery_code"])
def test_of_twenty_parallel_uses_of_a_code_one_wins(api_client, user, clock, together, rf, settings, kind):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"login": "1000/60"}
    phone = with_factor(user, clock, rf.post("/"))
    code = phone.code() if kind == "app" else phone.recovery_codes[0]
    bodies = [{"challenge": challenges.start(user, by="password").token, "code": code} for _ in range(20)]

    statuses = tries(api_client, bodies, together)

    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 400, 429}
    assert RefreshSession.objects.count() == SecurityEvent.objects.filter(kind="login").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_parallel_uses_of_a_challenge_one_wins(api_client, user, clock, together, rf, settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"login": "1000/60"}
    phone = with_factor(user, clock, rf.post("/"))
    challenge = challenges.start(user, by="password").token
    bodies = [{"challenge": challenge, "code": code} for code in phone.recovery_codes]

    statuses = tries(api_client, bodies, together)

    assert sorted(statuses) == [200, *[401] * 9]
    assert RefreshSession.objects.count() == 1
    # What failed has spent nothing.
    assert RecoveryCode.objects.filter(used_at=None).count() == 9


@pytest.mark.django_db(transaction=True)
def test_parallel_guesses_are_counted_one_by_one(api_client, user, clock, together, rf, settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"login": "1000/60"}
    phone = with_factor(user, clock, rf.post("/"))
    bodies = [{"challenge": challenges.start(user, by="password").token, "code": phone.wrong_code()} for _ in range(20)]

    statuses = tries(api_client, bodies, together)

    assert sorted(statuses) == [*[400] * 3, *[429] * 17]
    assert factor_of(user).failures == 3


@pytest.mark.django_db(transaction=True)
def test_parallel_confirmations_give_one_set_of_codes(user, clock, together, rf):
    from accounts.second_factor import services as second_factor
    from tests.accounts.second_factor.phones import Phone, secret_of

    begun = second_factor.begin(user, request=rf.post("/"), is_fresh=True)
    phone = Phone(user, secret_of(begun.secret), clock, [])
    codes = [phone.code(steps) for steps in (-1, 0, 1)]

    results = together(
        *(
            lambda code=code: second_factor.confirm(User.objects.get(pk=user.pk), request=rf.post("/"), code=code)
            for code in codes
        )
    )

    assert sum(isinstance(result, list) for result in results) == 1
    assert RecoveryCode.objects.count() == 10
    assert SecurityEvent.objects.filter(kind="second_factor_added").count() == 1


def test_the_schema_states_both_answers(api_client):
    schema = api_client.get("/api/schema/", HTTP_ACCEPT="application/json").json()

    answer = schema["paths"]["/api/auth/login/"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/LogInAnswer"}
    both = json.dumps(schema["components"]["schemas"]["LogInAnswer"])
    assert "LoginAnswer" in both
    assert "SecondFactorRequired" in both
