import re
from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import check_password, identify_hasher
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services
from accounts.models import EmailToken, User
from ecommerce.models import OutboxMessage
from tests.factories import UserFactory

REGISTER = "/api/auth/register/"
VERIFY = "/api/auth/email/verify/"
RESEND = "/api/auth/email/resend/"
PASSWORD = "maji-ya-chai-7"
EMAIL = "wanjiku@example.com"
ANSWER = {"detail": "Check your e-mail to confirm the address."}
BODY = {"email": EMAIL, "password": PASSWORD}

pytestmark = pytest.mark.django_db


def codes(answer) -> list[tuple[str, str]]:
    return [(row["attr"], row["code"]) for row in answer.json()["errors"]]


def run_by(api_client, path: str, body: dict[str, str]) -> list[str]:
    """The statements of one request, without their values."""
    with CaptureQueriesContext(connection) as queries:
        api_client.post(path, body)
    texts = [re.sub(r"'[^']*'(::\w+)?", "?", query["sql"]) for query in queries]
    return [re.sub(r'"s\d+_x\d+"', "?", text) for text in texts]


def token_in(mail) -> str:
    return mail.body.split("#")[1].split()[0]


# --- Signing up ---------------------------------------------------------------------------------------------


def test_registration_makes_a_customer_and_owes_a_mail(api_client):
    answer = api_client.post(
        REGISTER, BODY | {"first_name": "Wanjiku", "last_name": "Mwangi", "phone_number": "0712 345 678"}
    )

    assert (answer.status_code, answer.json()) == (201, ANSWER)
    user = User.objects.get()
    assert {
        "email": user.email, "first_name": user.first_name, "last_name": user.last_name,
        "phone_number": user.phone_number, "role": user.role, "staff": user.is_staff, "admin": user.is_admin,
        "active": user.is_active, "verified": user.email_verified_at, "phone_verified": user.phone_verified_at,
    } == {
        "email": EMAIL, "first_name": "Wanjiku", "last_name": "Mwangi", "phone_number": "+254712345678",
        "role": "customer", "staff": False, "admin": False, "active": True, "verified": None, "phone_verified": None,
    }  # fmt: skip
    assert user.username.startswith("wanjiku-")
    assert user.check_password(PASSWORD)
    assert list(OutboxMessage.objects.values_list("topic", "payload")) == [
        ("accounts.send_verification_mail", {"user_id": str(user.pk)})
    ]


@pytest.mark.parametrize("path", ["/api/auth/register/", "/api/register/", "/api/users/register/"])
def test_older_addresses_register_alike(api_client, path):
    answer = api_client.post(path, BODY)

    assert (answer.status_code, answer.json()) == (201, ANSWER)
    assert User.objects.get().email == EMAIL


def test_known_address_is_answered_alike_and_only_its_owner_is_told(api_client, run_owed_work, mailoutbox):
    owner = UserFactory(email=EMAIL, password="the-owners-own-9", first_name="Owner")
    before = User.objects.values().get()

    unknown = api_client.post(REGISTER, BODY | {"email": "new@example.com"})
    known = [api_client.post(REGISTER, BODY | {"first_name": "Mallory"}) for _ in range(3)]
    run_owed_work()

    assert {answer.content for answer in known} == {unknown.content}
    assert {answer.status_code for answer in known} == {unknown.status_code}
    assert {name for answer in known for name in answer.headers} == set(unknown.headers)
    told = [mail for mail in mailoutbox if mail.to == [EMAIL]]
    assert [mail.subject for mail in told] == ["You already have an account at ByteMtaani"]
    assert "Mallory" not in told[0].body
    assert User.objects.values().get(pk=owner.pk) == before


def test_known_address_costs_one_password_hash_like_an_unknown_one(api_client, monkeypatch):
    UserFactory(email=EMAIL)
    hashed = []
    monkeypatch.setattr("django.contrib.auth.base_user.make_password", lambda raw: hashed.append(raw) or "x")

    for email in (EMAIL, "new@example.com"):
        api_client.post(REGISTER, BODY | {"email": email})

    assert hashed == [PASSWORD, PASSWORD]


def test_known_and_unknown_addresses_run_the_same_statements_each_time(api_client):
    """Twice, as an unknown address is a known one the second time, and what it owes is owed already."""
    UserFactory(email="known@example.com")
    UserFactory(email="confirmed@example.com", email_verified_at=timezone.now())
    UserFactory(email="closed@example.com", is_active=False)

    statements = {
        name: [run_by(api_client, REGISTER, BODY | {"email": f"{name}@example.com"}) for _ in range(2)]
        for name in ("known", "confirmed", "closed", "new")
    }

    assert len(statements["known"][0]) > 2
    assert [statements[name] for name in ("confirmed", "closed", "new")] == [statements["known"]] * 3
    assert OutboxMessage.objects.count() == 4


@pytest.mark.parametrize(
    "variant",
    [
        "WANJIKU@EXAMPLE.COM",
        " wanjiku@example.com ",
        "Wanjiku@Example.Com",
        "wanjiku@ｅｘａｍｐｌｅ.com",
        "ｗａｎｊｉｋｕ@example.com",
    ],
)
def test_spellings_of_one_address_are_one_account(api_client, variant):
    user = UserFactory(email=EMAIL, password=PASSWORD)

    registered = api_client.post(REGISTER, BODY | {"email": variant, "password": "another-pass-5"})
    logged_in = api_client.post("/api/auth/login/", {"email": variant, "password": PASSWORD})

    assert (registered.status_code, registered.json()) == (201, ANSWER)
    assert User.objects.count() == 1
    assert logged_in.json()["user"]["id"] == str(user.pk)


def test_address_is_stored_in_one_form(api_client):
    api_client.post(REGISTER, BODY | {"email": " ＷANJIKU@Example.COM"})

    assert User.objects.get().email == EMAIL


@pytest.mark.parametrize(
    "email", ["", "nobody", "a@b", "a@b@c.com", "a b@example.com", "a@exa mple.com", "x" * 250 + "@example.com",
              "a\x00@example.com", "a@℀.com", "<script>@example.com", None, 7, ["a@example.com"], {"a": 1}],
)  # fmt: skip
def test_what_is_no_address_is_a_400_that_names_it(api_client, email):
    answer = api_client.post(REGISTER, {"email": email, "password": PASSWORD})

    assert answer.status_code == 400
    assert [row["attr"] for row in answer.json()["errors"]] in (["email"], [None])
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("short1!", ["password_too_short"]),
        ("password123", ["password_too_common"]),
        ("8305926174", ["password_entirely_numeric"]),
        ("12345", ["password_too_short", "password_too_common", "password_entirely_numeric"]),
        ("wanjiku@example", ["password_too_similar"]),
        ("x9" * 65, ["password_too_long"]),
        ("", ["blank"]),
    ],
)
def test_weak_password_is_refused_with_each_reason(api_client, password, expected):
    answer = api_client.post(REGISTER, BODY | {"password": password})

    assert answer.status_code == 400
    assert codes(answer) == [("password", code) for code in expected]
    assert not User.objects.exists()


@pytest.mark.parametrize("password", ["x9-" * 42 + "ab", "  spaces count  ", "пароль-наше-7", "密码很长很长很长的"])
def test_unusual_passwords_are_kept_as_they_are(api_client, password):
    registered = api_client.post(REGISTER, BODY | {"password": password})
    right = api_client.post("/api/auth/login/", BODY | {"password": password})
    trimmed = api_client.post("/api/auth/login/", BODY | {"password": password.strip()[:-1]})

    assert (registered.status_code, right.status_code, trimmed.status_code) == (201, 200, 401)


@pytest.mark.parametrize("size", [4097, 1024 * 1024 - 100, 1024 * 1024 + 1])
def test_giant_password_is_neither_weighed_nor_hashed(api_client, monkeypatch, size):
    """What takes time with a long password is never asked about it: the rules, any hash, the count of tries."""
    asked = []
    for name in (
        "django.contrib.auth.password_validation.validate_password",
        "django.contrib.auth.hashers.MD5PasswordHasher.encode",
        "accounts.hashing.pool.HashingPool.ask",
        "accounts.lockouts.services.check",
    ):
        monkeypatch.setattr(name, lambda *args, name=name, **kwargs: asked.append(name))

    answers = [
        api_client.post(path, {"email": EMAIL, "password": "x" * size}) for path in (REGISTER, "/api/auth/login/")
    ]
    by_other_ways = authenticate(None, username=EMAIL, password="x" * size)

    assert {answer.status_code for answer in answers} <= {400, 413}
    assert (by_other_ways, asked) == (None, [])
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("username", "code"),
    [("аdmin", "invalid_username"), ("admin", "reserved_username"), ("Support", "reserved_username"),
     ("byte-mtaani", "reserved_username"), ("M_Pesa", "reserved_username")],
)  # fmt: skip
def test_username_that_passes_for_the_shop_is_refused_by_name(api_client, username, code):
    answer = api_client.post(REGISTER, BODY | {"username": username})

    assert (answer.status_code, codes(answer)) == (400, [("username", code)])
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "email",
    ["wanjıku@example.com", "wаnjiku@example.com", "wanjiku@exаmple.com", "wanjiku@εxample.com",
     "wanjiku@exam\u00adple.com", "wanjikù@example.com", "wanjiku@example.com\u200b"],
)  # fmt: skip
@pytest.mark.parametrize("path", [REGISTER, RESEND, "/api/auth/password/reset/"])
def test_address_that_looks_like_another_is_refused_everywhere(api_client, email, path):
    owner = UserFactory(email=EMAIL)
    before = User.objects.values().get()

    answer = api_client.post(path, {"email": email, "password": PASSWORD} if path == REGISTER else {"email": email})

    assert (answer.status_code, codes(answer)) == (400, [("email", "not_ascii")])
    assert User.objects.values().get() == before
    assert not OutboxMessage.objects.exists()
    assert owner.email == EMAIL


def test_international_domain_is_written_in_its_own_form(api_client):
    answer = api_client.post(REGISTER, BODY | {"email": "wanjiku@xn--bcher-kva.example"})

    assert (answer.status_code, User.objects.get().email) == (201, "wanjiku@xn--bcher-kva.example")


def test_username_that_is_made_keeps_the_rule(api_client):
    api_client.post(REGISTER, BODY | {"email": "+o'neil+shop!@example.com"})

    assert re.fullmatch(r"oneilshop-[0-9a-f]{8}", User.objects.get().username)


def test_number_of_the_registration_is_not_confirmed_and_gives_no_rights(api_client, phones, settings):
    api_client.post(REGISTER, BODY | {"phone_number": "+254712345678"})
    registered = User.objects.get()
    api_client.post("/api/auth/otp/", {"phone_number": "+254712345678"})
    body = {"phone_number": "+254712345678", "code": phones.newest_code("+254712345678")}

    answer = api_client.post("/api/auth/otp/verify/", body)

    assert (registered.phone_verified_at, answer.json()["created"]) == (None, True)
    assert answer.json()["user"]["id"] != str(registered.pk)


def test_privileges_in_the_body_are_ignored(api_client):
    wished = {
        "id": "00000000-0000-7000-8000-000000000000", "role": "admin", "is_staff": True, "is_superuser": True,
        "is_admin": True, "is_active": False, "email_verified_at": "2020-01-01T00:00:00Z", "session_epoch": 9,
        "phone_verified_at": "2020-01-01T00:00:00Z", "groups": [1], "user_permissions": [1],
    }  # fmt: skip

    answer = api_client.post(REGISTER, BODY | wished)

    assert answer.status_code == 201
    user = User.objects.get()
    assert (str(user.pk) == wished["id"], user.role, user.is_staff, user.is_superuser, user.is_active) == (
        False, "customer", False, False, True,
    )  # fmt: skip
    assert (user.email_verified_at, user.phone_verified_at, user.session_epoch) == (None, None, 0)
    assert (user.groups.count(), user.user_permissions.count()) == (0, 0)


@pytest.mark.parametrize("username", ["wanjiku", "Wanjiku", "WANJIKU"])
def test_taken_username_is_refused_in_any_case(api_client, username):
    UserFactory(username="wanjiku")

    answer = api_client.post(REGISTER, BODY | {"username": username})

    assert (answer.status_code, codes(answer)) == (400, [("username", "username_taken")])
    assert User.objects.count() == 1
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize(
    "username",
    ["ab", "with space", "a@b.com", "x" * 151, "new\nline", "", ".wanjiku", "wanjiku-", "+254712345678",
     "аdmin", "wanjıku", "ｗanjiku", "wan\u200bjiku", "wan\u0301jiku", "Ⅷ-wanjiku", "วันจิกุ", "1" * 1_000_000],
)  # fmt: skip
def test_malformed_username_is_refused(api_client, username):
    answer = api_client.post(REGISTER, BODY | {"username": username})

    assert answer.status_code == 400
    assert codes(answer)[0][0] == "username"
    assert not User.objects.exists()


def test_real_hasher_is_argon2(settings):
    with override_settings(PASSWORD_HASHERS=settings.PASSWORD_HASHERS[1:]):
        user = UserFactory(password=PASSWORD)

        assert identify_hasher(user.password).algorithm == "argon2"
        assert check_password(PASSWORD, user.password)


@pytest.mark.django_db(transaction=True)
def test_parallel_registrations_of_one_address_make_one_user(together, run_owed_work, mailoutbox):
    def post() -> tuple[int, bytes]:
        answer = APIClient(raise_request_exception=False).post(REGISTER, BODY | {"first_name": "Wanjiku"})
        return answer.status_code, answer.content

    answers = together(*[post] * 8)
    run_owed_work()

    assert [code for code, _ in answers] == [201] * 8
    assert len(set(answers)) == 1
    assert User.objects.count() == 1
    # Whoever pressed twice has no need to hear that they have an account.
    assert [mail.subject for mail in mailoutbox] == ["Confirm your e-mail address for ByteMtaani"]


@pytest.mark.django_db(transaction=True)
def test_parallel_registrations_of_one_username_make_one_user(together):
    def post(number: int) -> int:
        body = {"email": f"user{number}@example.com", "password": PASSWORD, "username": "wanjiku"}
        return APIClient(raise_request_exception=False).post(REGISTER, body).status_code

    statuses = together(*[lambda number=number: post(number) for number in range(6)])

    assert sorted(statuses) == [201, 400, 400, 400, 400, 400]
    assert User.objects.count() == 1


def test_registration_is_limited_by_address(api_client, settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"register": "2/100000000"}

    statuses = [api_client.post(REGISTER, BODY | {"email": f"u{n}@example.com"}).status_code for n in range(4)]

    assert statuses == [201, 201, 429, 429]
    assert User.objects.count() == 2


# --- Confirming the address ---------------------------------------------------------------------------------


def test_link_in_the_mail_confirms_the_address_once(api_client, run_owed_work, mailoutbox):
    api_client.post(REGISTER, BODY)
    ran = run_owed_work()
    [mail] = mailoutbox
    token = token_in(mail)

    first, second = (api_client.post(VERIFY, {"token": token}) for _ in range(2))

    assert ran == ["accounts.send_verification_mail"]
    assert (mail.to, mail.subject) == ([EMAIL], "Confirm your e-mail address for ByteMtaani")
    assert (first.status_code, first.json()) == (200, {"detail": "The address is confirmed."})
    assert (second.status_code, codes(second)) == (400, [(None, "invalid_token")])
    assert User.objects.get().email_verified_at is not None
    assert not EmailToken.objects.filter(token_hash__contains=token).exists()


def test_link_is_opened_in_the_frontend_and_hides_its_token_in_the_fragment(
    api_client, run_owed_work, mailoutbox, settings
):
    settings.FRONTEND_URL = "https://www.shop.example"
    api_client.post(REGISTER, BODY)
    run_owed_work()

    assert f"https://www.shop.example/verify-email#{token_in(mailoutbox[0])}" in mailoutbox[0].body
    assert len(token_in(mailoutbox[0])) >= 43  # 256 bits


def test_expired_link_confirms_nothing(api_client, run_owed_work, mailoutbox):
    api_client.post(REGISTER, BODY)
    run_owed_work()
    EmailToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    answer = api_client.post(VERIFY, {"token": token_in(mailoutbox[0])})

    assert (answer.status_code, codes(answer)) == (400, [(None, "invalid_token")])
    assert User.objects.get().email_verified_at is None


@pytest.mark.parametrize("token", ["unknown", "x" * 200, "' OR 1=1 --", "日本"])
def test_unknown_token_confirms_nothing(api_client, token):
    UserFactory()

    answer = api_client.post(VERIFY, {"token": token})

    assert (answer.status_code, codes(answer)) == (400, [(None, "invalid_token")])
    assert User.objects.get().email_verified_at is None


@pytest.mark.django_db(transaction=True)
def test_link_opened_in_many_tabs_is_used_once(together, api_client, run_owed_work, mailoutbox):
    api_client.post(REGISTER, BODY)
    run_owed_work()
    token = token_in(mailoutbox[0])

    statuses = together(*[lambda: APIClient().post(VERIFY, {"token": token}).status_code] * 8)

    assert sorted(statuses) == [200] + [400] * 7


def test_resending_answers_alike_and_mails_only_who_waits(api_client, run_owed_work, mailoutbox):
    UserFactory(email="waiting@example.com")
    UserFactory(email="confirmed@example.com", email_verified_at=timezone.now())
    UserFactory(email="closed@example.com", is_active=False)

    answers = [
        api_client.post(RESEND, {"email": f"{name}@example.com"})
        for name in ("waiting", "WAITING", "confirmed", "closed", "unknown")
    ]
    run_owed_work()

    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert [mail.to for mail in mailoutbox] == [["waiting@example.com"]]


def test_resending_runs_the_same_statements_for_everybody_each_time(api_client):
    UserFactory(email="waiting@example.com")
    UserFactory(email="confirmed@example.com", email_verified_at=timezone.now())
    UserFactory(email="closed@example.com", is_active=False)

    statements = {
        name: [run_by(api_client, RESEND, {"email": f"{name}@example.com"}) for _ in range(2)]
        for name in ("waiting", "confirmed", "closed", "unknown")
    }

    assert len(statements["waiting"][0]) > 2
    assert [statements[name] for name in ("confirmed", "closed", "unknown")] == [statements["waiting"]] * 3
    assert OutboxMessage.objects.count() == 4
    assert not OutboxMessage.objects.filter(dedupe_key__contains="@").exists()


def test_second_link_works_too(api_client, run_owed_work, mailoutbox):
    api_client.post(REGISTER, BODY)
    run_owed_work()
    api_client.post(RESEND, {"email": EMAIL})
    run_owed_work()

    answer = api_client.post(VERIFY, {"token": token_in(mailoutbox[1])})

    assert answer.status_code == 200
    assert token_in(mailoutbox[0]) != token_in(mailoutbox[1])


def test_mail_server_that_is_away_is_tried_again(api_client, run_owed_work, mailoutbox, monkeypatch):
    api_client.post(REGISTER, BODY)
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", lambda _: (_ for _ in ()).throw(ConnectionError("away")))
        run_owed_work()
    failed = OutboxMessage.objects.values_list("attempts", "done_at").get()
    OutboxMessage.objects.update(next_attempt_at=timezone.now())

    run_owed_work()

    assert failed == (1, None)
    assert [mail.to for mail in mailoutbox] == [[EMAIL]]


def test_confirmed_or_deleted_user_gets_no_verification_mail(mailoutbox):
    confirmed = UserFactory(email_verified_at=timezone.now())
    by_phone = UserFactory(email="x@example.com")
    User.objects.filter(pk=by_phone.pk).update(email=None)

    for user in (confirmed, by_phone):
        services.send_verification_mail(str(user.pk))
    services.send_already_registered_mail(str(by_phone.pk))

    assert mailoutbox == []
    assert not EmailToken.objects.exists()
