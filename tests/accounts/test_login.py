import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import RefreshSession, User
from tests.factories import PASSWORD, UserFactory

LOGIN = "/api/auth/login/"
LOGOUT = "/api/auth/logout/"
PROFILE = "/api/users/profile/"
EMAIL = "wanjiku@example.com"

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return UserFactory(email=EMAIL, username="wanjiku", first_name="Wanjiku")


@pytest.mark.parametrize("path", ["/api/auth/login/", "/api/token/"])
@pytest.mark.parametrize(
    "name", [{"email": EMAIL}, {"username": "wanjiku"}, {"username": EMAIL}, {"email": "WANJIKU@example.com"}]
)
def test_log_in_gives_tokens_and_the_user(api_client, user, path, name):
    answer = api_client.post(path, name | {"password": PASSWORD}, HTTP_USER_AGENT="Chrome " + "x" * 300)

    assert answer.status_code == 200
    user.refresh_from_db()
    assert answer.json()["user"] == {
        "id": str(user.pk), "username": "wanjiku", "email": EMAIL, "first_name": "Wanjiku", "last_name": "",
        "phone_number": user.phone_number, "role": "customer", "is_admin": False, "is_staff": False, "is_active": True,
        "email_verified_at": None, "date_joined": user.date_joined.isoformat().replace("+00:00", "Z"),
        "last_login": user.last_login.isoformat().replace("+00:00", "Z"),
    }  # fmt: skip
    assert set(answer.json()) == {"access", "refresh", "user"}
    session = RefreshSession.objects.get()
    assert (session.user, session.ip_address, len(session.user_agent)) == (user, "127.0.0.1", 200)
    profile = api_client.get(PROFILE, HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    assert profile.json()["id"] == str(user.pk)


@pytest.mark.parametrize("field", ["phone_number", "email", "username"])
@pytest.mark.parametrize("text", ["+254712345678", "0712 345 678", "254712345678", "(0712) 345-678", "712345678"])
def test_confirmed_number_is_a_name_in_any_spelling(api_client, user, field, text):
    user.phone_number, user.phone_verified_at = "+254712345678", timezone.now()
    user.save()

    answer = api_client.post(LOGIN, {field: text, "password": PASSWORD})

    assert (answer.status_code, answer.json()["user"]["id"]) == (200, str(user.pk))


@pytest.mark.parametrize(
    "text", ["0712345678", "+254712345678", "٠٧١٢٣٤٥٦٧٨", "０７１２３４５６７８", "+1254712345678", "0712345678;ext=1"]
)
def test_number_that_was_not_confirmed_opens_nothing(api_client, user, text):
    user.phone_number = "+254712345678"
    user.save()

    answers = [api_client.post(LOGIN, {"phone_number": text, "password": PASSWORD}) for _ in range(2)]

    assert {(answer.status_code, answer.json()["errors"][0]["code"]) for answer in answers} == {
        (401, "invalid_credentials")
    }
    assert not RefreshSession.objects.exists()


def test_number_is_its_owners_and_not_theirs_who_call_themselves_so(api_client, user):
    """An older account has the number as its username, and has written it into its profile as well."""
    UserFactory(username="0712345678", phone_number="+254712345678", password="mine-own-7x")
    body = {"phone_number": "0712345678"}
    before = api_client.post(LOGIN, body | {"password": "mine-own-7x"}).status_code
    user.phone_number, user.phone_verified_at = "+254712345678", timezone.now()
    user.save()

    answers = [api_client.post(LOGIN, body | {"password": password}) for password in (PASSWORD, "mine-own-7x")]

    assert (before, [answer.status_code for answer in answers]) == (200, [200, 401])
    assert answers[0].json()["user"]["id"] == str(user.pk)


def test_account_of_a_number_alone_has_no_password_to_guess(api_client):
    User.objects.create_user(None, phone_number="+254712345678", phone_verified_at=timezone.now())

    answers = [
        api_client.post(LOGIN, {"phone_number": "0712345678", "password": password}).status_code
        for password in ("x", "!", PASSWORD)
    ]

    assert (answers, RefreshSession.objects.count()) == ([401] * 3, 0)


def test_staff_with_a_second_factor_get_a_challenge_by_number_too(api_client, staff):
    staff.phone_number, staff.phone_verified_at, staff.second_factor_at = (
        "+254712345678",
        timezone.now(),
        timezone.now(),
    )
    staff.save()

    answer = api_client.post(LOGIN, {"phone_number": "0712345678", "password": PASSWORD})

    assert (answer.status_code, answer.json()["second_factor_required"]) == (200, True)
    assert not RefreshSession.objects.exists()


def test_unknown_wrong_and_inactive_are_told_alike(api_client, user):
    UserFactory(email="closed@example.com", username="closed", is_active=False)

    answers = [
        api_client.post(LOGIN, body)
        for body in (
            {"email": "nobody@example.com", "password": PASSWORD},
            {"username": "nobody", "password": PASSWORD},
            {"email": EMAIL, "password": PASSWORD + "x"},
            {"email": EMAIL, "password": PASSWORD.upper()},
            {"username": "wanjiku", "password": " " + PASSWORD},
            {"email": "closed@example.com", "password": PASSWORD},
            {"username": "closed", "password": PASSWORD},
        )
    ]

    assert {(answer.status_code, answer.content) for answer in answers} == {(401, answers[0].content)}
    assert answers[0].json()["errors"][0]["code"] == "invalid_credentials"
    assert not RefreshSession.objects.exists()
    assert not User.objects.filter(last_login__isnull=False).exists()


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com", "closed@example.com"])
def test_every_refusal_costs_one_hash(api_client, user, monkeypatch, email):
    UserFactory(email="closed@example.com", is_active=False)
    work = []
    monkeypatch.setattr("django.contrib.auth.base_user.make_password", lambda raw: work.append("make") or "x")
    monkeypatch.setattr("accounts.models.User.check_password", lambda self, raw: work.append("check") and False)

    answer = api_client.post(LOGIN, {"email": email, "password": "wrong-password"})

    assert (answer.status_code, len(work)) == (401, 1)


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({}, "password"),
        ({"password": PASSWORD}, "email"),
        ({"email": "", "password": PASSWORD}, "email"),
        ({"email": EMAIL}, "password"),
        ({"email": EMAIL, "password": ""}, "password"),
        ({"email": EMAIL, "password": None}, "password"),
        ({"email": {"a": 1}, "password": PASSWORD}, "email"),
        ({"email": EMAIL, "password": ["x"]}, "password"),
        ({"email": "x" * 300, "password": PASSWORD}, "email"),
        ({"username": "a\x00", "password": PASSWORD}, None),
    ],
)
def test_incomplete_or_malformed_log_in_is_a_400(api_client, user, body, attr):
    answer = api_client.post(LOGIN, body)

    assert answer.status_code == 400
    assert attr in [row["attr"] for row in answer.json()["errors"]]


def test_stale_token_does_not_keep_anybody_from_logging_in(api_client, user):
    answer = api_client.post(LOGIN, {"email": EMAIL, "password": PASSWORD}, HTTP_AUTHORIZATION="Bearer rubbish")

    assert answer.status_code == 200


def test_address_that_is_no_address_does_not_break_the_log_in(api_client, user, settings):
    settings.TRUSTED_PROXIES = 1

    answer = api_client.post(LOGIN, {"email": EMAIL, "password": PASSWORD}, headers={"X-Forwarded-For": "unknown"})

    assert answer.status_code == 200
    assert RefreshSession.objects.get().ip_address == "127.0.0.1"


# --- Logging out --------------------------------------------------------------------------------------------


def log_in(api_client) -> dict[str, str]:
    return api_client.post(LOGIN, {"email": EMAIL, "password": PASSWORD}).json()


def works(api_client, pair: dict[str, str]) -> tuple[bool, bool]:
    """Tell whether the access and the refresh token still work; the refresh token is used up."""
    access = api_client.get(PROFILE, HTTP_AUTHORIZATION=f"Bearer {pair['access']}").status_code
    refresh = api_client.post("/api/auth/refresh/", {"refresh": pair["refresh"]}).status_code
    assert {access, refresh} <= {200, 401}
    return access == 200, refresh == 200


def log_out(api_client, pair: dict[str, str], **body) -> int:
    return api_client.post(LOGOUT, body, HTTP_AUTHORIZATION=f"Bearer {pair['access']}").status_code


def test_logging_out_ends_this_session_alone(api_client, user):
    here, there = log_in(api_client), log_in(api_client)

    status = log_out(api_client, here, refresh=here["refresh"])

    assert status == 204
    assert (works(api_client, here), works(api_client, there)) == ((False, False), (True, True))


def test_logging_out_everywhere_ends_every_token_at_once(api_client, user):
    here, there = log_in(api_client), log_in(api_client)
    other = UserFactory(email="other@example.com")
    theirs = api_client.post(LOGIN, {"email": other.email, "password": PASSWORD}).json()

    status = log_out(api_client, here, everywhere=True)

    assert status == 204
    assert (works(api_client, here), works(api_client, there)) == ((False, False), (False, False))
    assert works(api_client, theirs) == (True, True)
    assert works(api_client, log_in(api_client)) == (True, True)


def test_logging_out_everywhere_ends_the_admin_session_too(api_client, user):
    browser = Client()
    browser.force_login(user)
    before = browser.get(PROFILE).status_code

    log_out(api_client, log_in(api_client), everywhere=True)

    assert (before, browser.get(PROFILE).status_code) == (200, 401)


def test_refresh_token_of_somebody_else_is_left_alone(api_client, user):
    UserFactory(email="other@example.com")
    mine = log_in(api_client)
    theirs = api_client.post(LOGIN, {"email": "other@example.com", "password": PASSWORD}).json()

    status = log_out(api_client, mine, refresh=theirs["refresh"])

    assert status == 204
    assert (works(api_client, theirs), works(api_client, mine)) == ((True, True), (True, True))


@pytest.mark.parametrize("body", [{}, {"everywhere": False}, {"refresh": ""}, {"everywhere": "perhaps"}])
def test_logging_out_of_nothing_is_a_400(api_client, user, body):
    pair = log_in(api_client)

    assert log_out(api_client, pair, **body) == 400
    assert works(api_client, pair) == (True, True)


def test_logging_out_with_rubbish_is_a_401(api_client, user):
    pair = log_in(api_client)

    assert log_out(api_client, pair, refresh="rubbish") == 401
    assert works(api_client, pair) == (True, True)


def test_nobody_cannot_log_out(api_client, user):
    pair = log_in(api_client)

    assert api_client.post(LOGOUT, {"refresh": pair["refresh"]}).status_code == 401
    assert works(api_client, pair) == (True, True)
