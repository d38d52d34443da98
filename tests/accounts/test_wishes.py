"""What people wish and consent to: language, currency, mail."""

import pytest
from django.core import mail
from django.db import InternalError, NotSupportedError, transaction

from accounts.audit.models import SecurityEvent
from accounts.profiles.consent_texts import CURRENT, TEXTS
from accounts.profiles.models import ConsentRecord, Profile, Purpose
from accounts.profiles.services import set_consents
from tests.clients import client_for
from tests.factories import UserFactory, buy
from tests.racing import at_once

pytestmark = pytest.mark.django_db

PROFILE, CONSENTS = "/api/users/profile/", "/api/users/consents/"


def codes(answer):
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


def records(user):
    return list(ConsentRecord.objects.filter(user=user).values_list("purpose", "is_granted", "text_version"))


def trail(user):
    return list(SecurityEvent.objects.filter(user=user).order_by("pk").values_list("kind", "details"))


# --- Wishes -----------------------------------------------------------------------------------------------------


def test_wishes_are_kept_and_only_what_changed_is_told_to_the_trail():
    user, other = UserFactory(first_name="Wanjiku"), UserFactory()
    client = client_for(user)

    answer = client.patch(
        PROFILE, {"language": "sw", "currency": "usd", "parcel_mails": False, "first_name": "Wanjiku"}
    )
    again = client.put(PROFILE, {"language": "sw"})

    assert (answer.status_code, again.status_code) == (200, 200)
    assert {name: again.json()[name] for name in ("language", "currency", "parcel_mails", "first_name")} == {
        "language": "sw", "currency": "USD", "parcel_mails": False, "first_name": "Wanjiku",
    }  # fmt: skip
    assert trail(user) == [("profile_changed", {"fields": ["currency", "language", "parcel_mails"]})]
    assert not Profile.objects.filter(user=other).exists()


def test_currency_is_one_that_the_shop_shows(settings):
    settings.CURRENCIES = ["USD"]
    client = client_for(UserFactory())

    answers = [client.patch(PROFILE, {"currency": code}) for code in ("USD", "KES", "EUR")]

    assert [answer.status_code for answer in answers] == [200, 200, 400]
    assert (codes(answers[2]), Profile.objects.get().currency) == ([("unknown_currency", "currency")], "KES")


def test_looking_makes_no_row_and_asks_for_one(django_assert_num_queries):
    client = client_for(UserFactory())
    client.get(PROFILE)

    with django_assert_num_queries(2):  # the user, the profile
        client.get(PROFILE)

    assert not Profile.objects.exists()


@pytest.mark.parametrize("wanted", [True, False])
def test_news_of_parcels_come_as_wished(run_owed_work, wanted):
    user = UserFactory()
    client_for(user).patch(PROFILE, {"parcel_mails": wanted})

    buy(user)
    run_owed_work()

    about_parcels = [message.subject for message in mail.outbox if "parcel" in message.subject.lower()]
    assert bool(about_parcels) is wanted


@pytest.mark.django_db(transaction=True)
def test_first_changes_at_once_make_one_row():
    user = UserFactory()
    client = client_for(user)

    answers = at_once(
        [lambda: client.patch(PROFILE, {"language": "sw"}), lambda: client.patch(PROFILE, {"currency": "USD"})]
    )

    assert [answer.status_code for answer in answers] == [200, 200]
    assert Profile.objects.values_list("language", "currency").get() == ("sw", "USD")


# --- Consent ----------------------------------------------------------------------------------------------------


def test_nothing_is_consented_to_until_it_is():
    user = UserFactory()
    client_for(user).patch(PROFILE, {"language": "sw"})

    answer = client_for(user).get(CONSENTS)

    assert answer.json() == {
        "text_version": CURRENT,
        "consents": [
            {"purpose": purpose, "is_granted": False, "text": TEXTS[CURRENT][purpose]["sw"]}
            for purpose in ("marketing_mail", "marketing_sms")
        ],
        "history": [],
    }


def test_consent_is_dated_and_kept_with_the_words_each_by_itself():
    user, other = UserFactory(), UserFactory()
    client = client_for(user)

    granted = client.put(CONSENTS, {"marketing_mail": True, "text_version": CURRENT})
    again = client.put(CONSENTS, {"marketing_mail": True, "text_version": CURRENT})
    withdrawn = client.put(CONSENTS, {"marketing_mail": False})

    assert [answer.status_code for answer in (granted, again, withdrawn)] == [200] * 3
    assert [row["is_granted"] for row in granted.json()["consents"]] == [True, False]
    assert [row["is_granted"] for row in withdrawn.json()["history"]] == [False, True]
    assert records(user) == [("marketing_mail", False, CURRENT), ("marketing_mail", True, CURRENT)]
    assert trail(user) == [
        ("consent_changed", {"consents": {"marketing_mail": True}}),
        ("consent_changed", {"consents": {"marketing_mail": False}}),
    ]
    assert not Profile.objects.filter(user=other).exists()


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({"marketing_mail": True}, 400, [("required", "text_version")]),
        ({"marketing_mail": True, "text_version": "2020-01"}, 409, [("consent_text_changed", "text_version")]),
        ({"marketing_mail": "perhaps", "text_version": CURRENT}, 400, [("invalid", "marketing_mail")]),
        ({"marketing_mail": None, "text_version": CURRENT}, 400, [("null", "marketing_mail")]),
    ],
)
def test_consent_that_is_none_changes_nothing(body, status, expected):
    user = UserFactory()

    answer = client_for(user).put(CONSENTS, body)

    assert (answer.status_code, codes(answer)) == (status, expected)
    assert (records(user), Profile.objects.filter(marketing_mail=True).exists(), trail(user)) == ([], False, [])


@pytest.mark.parametrize("method", ["get", "put"])
def test_consent_of_nobody_is_a_401(api_client, method):
    assert getattr(api_client, method)(CONSENTS, {"marketing_sms": False}).status_code == 401


def test_records_cannot_be_changed(rf):
    user = UserFactory()
    set_consents(user, wishes={Purpose.MARKETING_SMS: True}, text_version=CURRENT, request=rf.put("/"))

    with pytest.raises((InternalError, NotSupportedError)), transaction.atomic():
        ConsentRecord.objects.update(is_granted=False)

    assert records(user) == [("marketing_sms", True, CURRENT)]


@pytest.mark.django_db(transaction=True)
def test_same_consent_at_once_is_one_record():
    user = UserFactory()
    client = client_for(user)

    at_once([lambda: client.put(CONSENTS, {"marketing_sms": True, "text_version": CURRENT})] * 5)

    assert records(user) == [("marketing_sms", True, CURRENT)]


def test_every_text_speaks_every_language():
    for version, texts in TEXTS.items():
        assert len(version) <= 20
        assert {purpose: set(words) for purpose, words in texts.items()} == {
            purpose: set(Profile.Language.values) for purpose in Purpose.values
        }
