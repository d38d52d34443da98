"""Linking accounts elsewhere to the own one, and taking the links away."""

import time

import pytest
from django.utils import timezone

from accounts.audit.models import SecurityEvent
from accounts.models import User
from accounts.social import services
from accounts.social.exceptions import LastWayIn
from accounts.social.models import SocialIdentity, SpentToken
from tests.accounts.social.providers import facebook_claims, google_claims
from tests.clients import client_for
from tests.factories import UserFactory

LIST = "/api/auth/social/"
GOOGLE, FACEBOOK = f"{LIST}google/link/", f"{LIST}facebook/link/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return UserFactory(email="amina@example.com")


def error(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def identity_of(user, subject="1", provider="google") -> SocialIdentity:
    return SocialIdentity.objects.create(user=user, provider=provider, issuer=f"https://{provider}", subject=subject)


def test_both_providers_are_linked_listed_and_unlinked(stand, signer, user, run_owed_work, mailoutbox):
    client = client_for(user)

    google = client.post(GOOGLE, {"id_token": signer.sign(google_claims(email="amina.w@example.com"))})
    facebook = client.post(FACEBOOK, {"id_token": signer.sign(facebook_claims())})
    listed = client.get(LIST).json()["results"]
    removed = client.delete(f"{LIST}{listed[0]['id']}/")

    assert (google.status_code, facebook.status_code, removed.status_code) == (201, 201, 204)
    assert set(google.json()) == {"id", "provider", "email", "created_at", "last_used_at"}
    assert [(row["provider"], row["email"]) for row in listed] == [
        ("google", "amina.w@example.com"),
        ("facebook", "wanjiku@example.com"),
    ]
    assert list(user.social_identities.values_list("provider", flat=True)) == ["facebook"]
    events = SecurityEvent.objects.filter(user=user).order_by("created_at")
    assert [(event.kind, event.details["provider"]) for event in events] == [
        ("identity_linked", "google"),
        ("identity_linked", "facebook"),
        ("identity_unlinked", "google"),
    ]
    run_owed_work()
    assert sorted(letter.subject for letter in mailoutbox) == [
        "Facebook now opens your account at ByteMtaani",
        "Google no longer opens your account at ByteMtaani",
        "Google now opens your account at ByteMtaani",
    ]


def test_linking_leaves_the_own_address_as_it_is(stand, signer, user):
    client_for(user).post(GOOGLE, {"id_token": signer.sign(google_claims())})

    user.refresh_from_db()
    assert (user.email, user.email_verified_at, user.first_name) == ("amina@example.com", None, "")


def test_what_opens_another_account_is_not_taken_from_it(stand, signer, user, api_client):
    owner = api_client.post(f"{LIST}google/", {"id_token": signer.sign(google_claims())}).json()["user"]["id"]
    again = google_claims(iat=int(time.time()) - 5)

    answer = client_for(user).post(GOOGLE, {"id_token": signer.sign(again)})

    assert error(answer) == (409, "identity_taken")
    assert str(SocialIdentity.objects.get().user_id) == owner


def test_linking_twice_changes_nothing(stand, signer, user):
    client = client_for(user)
    first = client.post(GOOGLE, {"id_token": signer.sign(google_claims())})

    second = client.post(GOOGLE, {"id_token": signer.sign(google_claims(iat=int(time.time()) - 5))})

    assert (second.status_code, second.json()["id"]) == (201, first.json()["id"])
    assert SecurityEvent.objects.filter(kind="identity_linked").count() == 1


@pytest.mark.parametrize("change", [{"email_verified": False}, {"aud": "1"}, {"exp": 1}])
def test_what_would_not_be_let_in_is_not_linked(stand, signer, user, change):
    answer = client_for(user).post(GOOGLE, {"id_token": signer.sign(google_claims(**change))})

    assert answer.status_code == 400
    assert not SocialIdentity.objects.exists()
    assert not SpentToken.objects.exists()


def test_a_token_that_has_let_in_does_not_link_as_well(stand, signer, user, api_client):
    token = {"id_token": signer.sign(google_claims())}
    api_client.post(f"{LIST}google/", token)
    SocialIdentity.objects.all().delete()

    assert error(client_for(user).post(GOOGLE, token)) == (400, "invalid_provider_token")
    assert not SocialIdentity.objects.exists()


def test_an_old_log_in_neither_links_nor_unlinks(stand, signer, user, monkeypatch):
    identity = identity_of(user)
    client = client_for(user)
    monkeypatch.setattr("accounts.freshness.time", lambda: time.time() + 16 * 60)

    linked = client.post(GOOGLE, {"id_token": signer.sign(google_claims())})
    unlinked = client.delete(f"{LIST}{identity.pk}/")

    assert {error(linked), error(unlinked)} == {(403, "fresh_log_in_required")}
    assert list(SocialIdentity.objects.all()) == [identity]
    assert stand.asked == []


@pytest.mark.parametrize("path", [GOOGLE, FACEBOOK])
def test_strangers_link_nothing(api_client, stand, signer, path):
    assert api_client.post(path, {"id_token": signer.sign(google_claims())}).status_code == 401
    assert api_client.get(LIST).status_code == 401
    assert not SocialIdentity.objects.exists()


def test_nobody_sees_or_removes_the_links_of_others(stand, user):
    theirs = identity_of(UserFactory())
    client = client_for(user)

    assert client.get(LIST).json()["results"] == []
    assert error(client.delete(f"{LIST}{theirs.pk}/")) == (404, "not_found")
    assert SocialIdentity.objects.get() == theirs


@pytest.mark.parametrize("another_way", ["", "password", "phone", "identity"])
def test_the_last_way_in_stays(stand, another_way):
    user = UserFactory(email=None, phone_verified_at=timezone.now() if another_way == "phone" else None)
    if another_way != "password":
        user.set_unusable_password()
        user.save(update_fields=["password"])
    identity = identity_of(user)
    if another_way == "identity":
        identity_of(user, "2")

    answer = client_for(user).delete(f"{LIST}{identity.pk}/")

    if another_way:
        assert answer.status_code == 204
    else:
        assert error(answer) == (409, "last_way_in")
    assert SocialIdentity.objects.filter(pk=identity.pk).exists() is not bool(another_way)


@pytest.mark.django_db(transaction=True)
def test_two_links_removed_at_once_do_not_count_on_each_other(together, rf):
    user = UserFactory(email=None)
    user.set_unusable_password()
    user.save(update_fields=["password"])
    identities = [identity_of(user), identity_of(user, "2")]

    results = together(
        *(lambda pk=each.pk: services.unlink(pk, user=user, request=rf.post("/")) for each in identities)
    )

    assert sorted(type(result) for result in results if result is not None) == [LastWayIn]
    assert SocialIdentity.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_identity_is_not_linked_to_two_accounts_at_once(stand, signer, together):
    people = [UserFactory() for _ in range(6)]
    now = int(time.time())
    tokens = [signer.sign(google_claims(iat=now - n)) for n in range(6)]

    answers = together(
        *(
            lambda who=who, token=token: client_for(who).post(GOOGLE, {"id_token": token})
            for who, token in zip(people, tokens, strict=True)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]
    assert SocialIdentity.objects.count() == 1


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_however_long(user, rows, django_assert_num_queries):
    for n in range(rows):
        identity_of(user, str(n))
    client = client_for(user)
    client.get(LIST)

    with django_assert_num_queries(3):
        assert client.get(LIST).json()["count"] == rows
