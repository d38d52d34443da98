"""Confirming an e-mail address by the six digits of the mail, and what strangers try."""

import re
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import services
from accounts.models import EmailToken, User
from accounts.otp.codes import make_email_code
from accounts.otp.models import OneTimeCode
from tests.clients import client_for
from tests.factories import UserFactory

REGISTER, VERIFY, RESEND = "/api/auth/register/", "/api/auth/email/verify/", "/api/auth/email/resend/"
EMAIL = "wanjiku@example.com"

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting():
    return UserFactory(email=EMAIL)


@pytest.fixture(autouse=True)
def generous(settings):
    settings.CODE_TRIES_PER_EMAIL = settings.CODE_TRIES_PER_NETWORK = "1000/100000000"


def digits_in(mail) -> str:
    [digits] = re.findall(r"^[0-9]{6}$", mail.body, re.MULTILINE)
    return digits


def mailed(user, mailoutbox) -> str:
    services.send_verification_mail(str(user.pk))
    return digits_in(mailoutbox[-1])


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def verify(code, email=EMAIL, client=None):
    return (client or client_for(None)).post(VERIFY, {"email": email, "code": code})


def refusal(answer):
    return answer.status_code, [(row["attr"], row["code"]) for row in answer.json()["errors"]]


INVALID = (400, [(None, "invalid_code")])


def test_code_of_the_mail_confirms_the_address_once(api_client, run_owed_work, mailoutbox):
    api_client.post(REGISTER, {"email": EMAIL, "password": "maji-ya-chai-7"})
    run_owed_work()
    digits = digits_in(mailoutbox[0])

    first, second = (verify(digits, "WANJIKU@Example.com") for _ in range(2))

    assert (first.status_code, first.json()) == (200, {"detail": "The address is confirmed."})
    assert refusal(second) == INVALID
    assert User.objects.get().email_verified_at is not None
    row = str(OneTimeCode.objects.values_list("code_hash", "email").get())
    assert digits not in row


def test_link_and_code_of_one_mail_both_work(waiting, mailoutbox):
    digits = mailed(waiting, mailoutbox)
    token = mailoutbox[0].body.split("#")[1].split()[0]

    answers = [verify(digits), client_for(None).post(VERIFY, {"token": token})]
    since = User.objects.get().email_verified_at

    assert [answer.status_code for answer in answers] == [200, 200]
    assert since is not None
    assert (User.objects.get().email_verified_at, EmailToken.objects.get().used_at is not None) == (since, True)


def test_five_wrong_tries_and_the_right_code_is_worthless(waiting, mailoutbox):
    digits = mailed(waiting, mailoutbox)

    answers = [verify(other_than(digits)) for _ in range(5)] + [verify(digits)]

    assert {answer.content for answer in answers} == {answers[0].content}
    assert refusal(answers[0]) == INVALID
    assert (User.objects.get().email_verified_at, OneTimeCode.objects.get().tries) == (None, 5)


@pytest.mark.django_db(transaction=True)
def test_guesses_at_once_are_five_and_right_ones_confirm_once(together, mailoutbox):
    user = UserFactory(email=EMAIL)
    digits = mailed(user, mailoutbox)

    right = together(*[lambda: verify(digits).status_code] * 4)
    again = mailed_anew(user, mailoutbox)
    wrong = together(*[lambda: verify(other_than(again)).status_code] * 12)

    assert sorted(right) == [200, 400, 400, 400]
    assert (set(wrong), OneTimeCode.objects.latest("created_at").tries) == ({400}, 5)
    assert verify(again).status_code == 400


def mailed_anew(user, mailoutbox) -> str:
    User.objects.filter(pk=user.pk).update(email_verified_at=None)
    return mailed(user, mailoutbox)


def test_later_mail_ends_the_former_code(waiting, mailoutbox):
    first, second = mailed(waiting, mailoutbox), mailed(waiting, mailoutbox)
    assert refusal(verify(first)) == INVALID or first == second

    assert verify(second).status_code == 200


def test_old_code_confirms_nothing(waiting, mailoutbox):
    digits = mailed(waiting, mailoutbox)
    OneTimeCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert refusal(verify(digits)) == INVALID
    assert User.objects.get().email_verified_at is None


def test_code_of_an_address_that_was_left_confirms_nothing(waiting, mailoutbox):
    digits = mailed(waiting, mailoutbox)
    User.objects.update(email="new@example.com")

    assert refusal(verify(digits)) == INVALID
    assert refusal(verify(digits, "new@example.com")) == INVALID
    assert (User.objects.get().email_verified_at, OneTimeCode.objects.get().used_at) == (None, None)


def test_code_is_of_one_address_and_of_this_purpose(waiting, mailoutbox, api_client):
    other = UserFactory(email="other@example.com")
    digits = mailed(waiting, mailoutbox)
    link = client_for(other)

    answers = [
        verify(digits, "other@example.com", link),
        api_client.post("/api/auth/otp/verify/", {"phone_number": waiting.phone_number, "code": digits}),
    ]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert not User.objects.filter(email_verified_at__isnull=False).exists()
    assert verify(digits).status_code == 200


def test_known_and_unknown_addresses_are_answered_alike_by_the_same_statements(waiting, mailoutbox):
    digits = mailed(waiting, mailoutbox)
    UserFactory(email="confirmed@example.com", email_verified_at=timezone.now())
    verify("000000", "warm@example.com")
    seen = []
    for email in (EMAIL, "confirmed@example.com", "nobody@example.com"):
        with CaptureQueriesContext(connection) as queries:
            answer = verify(other_than(digits), email)
        seen.append((answer.status_code, answer.content, len(queries)))

    assert set(seen) == {seen[0]}
    assert seen[0][0] == 400


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
def test_tries_at_an_address_have_an_end_however_many_mails_there_are(waiting, mailoutbox, settings, email):
    settings.CODE_TRIES_PER_EMAIL = "6/86400"
    digits = [mailed(waiting, mailoutbox) for _ in range(2)][1]
    wrong = [verify(other_than(digits), email).status_code for _ in range(3)]
    digits = mailed(waiting, mailoutbox)
    wrong += [verify(other_than(digits), email).status_code for _ in range(3)]

    refused = verify(digits, email)

    assert (wrong, refused.status_code) == ([400] * 6, 429)
    assert "Retry-After" in refused
    assert User.objects.get().email_verified_at is None


def test_tries_from_a_network_have_an_end(waiting, mailoutbox, settings):
    settings.CODE_TRIES_PER_NETWORK = "3/100000000"
    digits = mailed(waiting, mailoutbox)
    for number in range(3):
        verify("000000", f"u{number}@example.com")

    assert verify(digits).status_code == 429
    assert User.objects.get().email_verified_at is None


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({}, "token"),
        ({"email": EMAIL}, "token"),
        ({"code": "123456"}, "token"),
        ({"token": "x", "email": EMAIL, "code": "123456"}, "token"),
        ({"email": EMAIL, "code": "12345"}, "code"),
        ({"email": EMAIL, "code": "١٢٣٤٥٦"}, "code"),
        ({"email": EMAIL, "code": "1" * 1000}, "code"),
        ({"email": "no address", "code": "123456"}, "email"),
        ({"email": [EMAIL], "code": "123456"}, "email"),
    ],
)
def test_odd_request_is_a_400_and_counts_no_try(waiting, mailoutbox, body, attr):
    mailed(waiting, mailoutbox)

    answer = client_for(None).post(VERIFY, body, format="json")

    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, attr)
    assert OneTimeCode.objects.get().tries == 0


def test_who_is_confirmed_gets_no_code(mailoutbox):
    user = UserFactory(email_verified_at=timezone.now())

    services.send_verification_mail(str(user.pk))

    assert (mailoutbox, OneTimeCode.objects.count()) == ([], 0)


def test_address_that_changed_hands_has_one_code(mailoutbox):
    former, owner = UserFactory(email=EMAIL), UserFactory(email="x@example.com")
    old = mailed(former, mailoutbox)
    User.objects.filter(pk=former.pk).update(email="left@example.com")
    User.objects.filter(pk=owner.pk).update(email=EMAIL)

    new = mailed(owner, mailoutbox)

    assert refusal(verify(old)) == INVALID or old == new
    assert verify(new).status_code == 200
    owner.refresh_from_db()
    former.refresh_from_db()
    assert (owner.email_verified_at is not None, former.email_verified_at) == (True, None)


@pytest.mark.parametrize("places", [{}, {"email": EMAIL, "phone_number": "+254712345678"}])
def test_code_goes_to_one_place(waiting, places):
    make_email_code(waiting, EMAIL, lifetime=timedelta(hours=1))

    with pytest.raises(IntegrityError, match="one_time_code_goes_to_one_place"), transaction.atomic():
        OneTimeCode.objects.create(purpose="email", expires_at=timezone.now(), **places)
    assert OneTimeCode.objects.count() == 1
