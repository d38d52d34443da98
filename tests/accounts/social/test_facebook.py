"""Coming in with Facebook: tokens of limited login, and access tokens about which it is asked."""

import hashlib
import hmac
import time

import pytest

from accounts.models import RefreshSession, User
from accounts.social.models import SocialIdentity, SpentToken
from tests.accounts.social.providers import APP_ID, APP_SECRET, facebook_claims, google_claims
from tests.clients import client_for
from tests.factories import UserFactory

FACEBOOK = "/api/auth/social/facebook/"
TOKEN = "EAABwzLixnjYBO0ZC"
ISSUER = "https://www.facebook.com"

pytestmark = pytest.mark.django_db


def error(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def nobody_came_in() -> bool:
    return not (RefreshSession.objects.exists() or SocialIdentity.objects.exists() or SpentToken.objects.exists())


@pytest.fixture
def graph(stand):
    """Facebook as it answers for a token of ours."""
    about = {"app_id": APP_ID, "type": "USER", "is_valid": True, "user_id": "35002149", "scopes": ["email"]}
    me = {"id": "35002149", "first_name": "Otieno", "last_name": "Odhiambo", "email": "otieno@example.com"}
    stand.answer("/graph/debug_token", {"data": about})
    stand.answer("/graph/me", me)
    return stand, about, me


# --- Limited login --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [FACEBOOK, "/api/users/facebook/exchange/"])
@pytest.mark.parametrize("issuer", ["https://www.facebook.com", "https://limited.facebook.com"])
def test_a_token_of_limited_login_makes_an_account_without_an_address(api_client, stand, signer, path, issuer):
    token = signer.sign(facebook_claims(iss=issuer, nonce="n-1"))

    answer = api_client.post(path, {"id_token": token, "nonce": "n-1"})

    assert answer.status_code == 200
    user, identity = User.objects.get(), SocialIdentity.objects.get()
    assert (user.email, user.email_verified_at, user.first_name) == (None, None, "Wanjiku")
    assert (identity.issuer, identity.subject, identity.email) == (ISSUER, "35002149", "wanjiku@example.com")


def test_a_token_of_limited_login_is_taken_once(api_client, stand, signer):
    token = signer.sign(facebook_claims())

    first, second = (api_client.post(FACEBOOK, {"id_token": token}) for _ in range(2))

    assert (first.status_code, error(second)) == (200, (400, "invalid_provider_token"))


@pytest.mark.parametrize("address", ["owner@example.com", "OWNER@example.com"])
def test_the_address_at_facebook_opens_nothing_and_tells_nothing(api_client, stand, signer, address):
    owner = UserFactory(email="owner@example.com")

    known = api_client.post(FACEBOOK, {"id_token": signer.sign(facebook_claims(sub="1", email=address))})
    unknown = api_client.post(FACEBOOK, {"id_token": signer.sign(facebook_claims(sub="2", email="x@example.com"))})

    assert (known.status_code, unknown.status_code) == (200, 200)
    assert known.json()["user"]["id"] != str(owner.pk)
    assert not owner.social_identities.exists()
    assert set(User.objects.exclude(pk=owner.pk).values_list("email", flat=True)) == {None}


@pytest.mark.parametrize("change", [{"aud": "1"}, {"iss": "https://accounts.google.com"}, {"exp": 1}, {"nonce": "n"}])
def test_foreign_tokens_are_refused(api_client, stand, signer, change):
    answer = api_client.post(FACEBOOK, {"id_token": signer.sign(facebook_claims(**change))})

    assert error(answer) == (400, "invalid_provider_token")
    assert nobody_came_in()


def test_a_token_of_google_is_none_of_facebook(api_client, stand, signer):
    assert error(api_client.post(FACEBOOK, {"id_token": signer.sign(google_claims())}))[0] == 400
    assert nobody_came_in()


def test_the_same_number_at_two_providers_is_two_people(api_client, stand, signer):
    one = api_client.post(FACEBOOK, {"id_token": signer.sign(facebook_claims(sub="7"))}).json()
    two = api_client.post("/api/auth/social/google/", {"id_token": signer.sign(google_claims(sub="7"))}).json()

    assert one["user"]["id"] != two["user"]["id"]


# --- Access tokens --------------------------------------------------------------------------------------------


def test_facebook_is_asked_about_an_access_token(api_client, graph):
    stand, *_ = graph

    answer = api_client.post(FACEBOOK, {"access_token": TOKEN})

    assert answer.status_code == 200
    user, identity = User.objects.get(), SocialIdentity.objects.get()
    assert (user.email, user.first_name, user.last_name) == (None, "Otieno", "Odhiambo")
    assert (identity.issuer, identity.subject, identity.email) == (ISSUER, "35002149", "otieno@example.com")
    (debug, asked, with_app), (me, fields, with_token) = stand.asked
    assert (debug, asked) == ("/graph/debug_token", {"input_token": TOKEN})
    assert (me, fields["fields"]) == ("/graph/me", "id,first_name,last_name,email")
    assert fields["appsecret_proof"] == hmac.new(APP_SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()
    # The app's secret goes in a header: addresses end in logs.
    assert with_app["Authorization"] == f"Bearer {APP_ID}|{APP_SECRET}"
    assert with_token["Authorization"] == f"Bearer {TOKEN}"
    assert all("access_token" not in query for _, query, _ in stand.asked)


def test_an_access_token_and_limited_login_lead_to_the_same_account(api_client, graph, signer):
    by_access = api_client.post(FACEBOOK, {"access_token": TOKEN}).json()
    by_identity = api_client.post(FACEBOOK, {"id_token": signer.sign(facebook_claims())}).json()
    again = api_client.post(FACEBOOK, {"access_token": TOKEN}).json()

    assert by_access["user"]["id"] == by_identity["user"]["id"] == again["user"]["id"]


@pytest.mark.parametrize(
    "change",
    [
        {"app_id": "1"},  # another app's: whoever collects its users' tokens could come in as they
        {"app_id": None},
        {"is_valid": False},
        {"is_valid": "true"},
        {"type": "PAGE"},
        {"user_id": ""},
        {"user_id": None},
        {"user_id": "1 OR 1"},
        {"user_id": "999"},  # not who /me says
    ],
)
def test_access_tokens_of_others_are_refused(api_client, graph, change):
    stand, about, _ = graph
    stand.answer("/graph/debug_token", {"data": about | change})

    answer = api_client.post(FACEBOOK, {"access_token": TOKEN})

    assert error(answer) == (400, "invalid_provider_token")
    assert nobody_came_in()
    assert not User.objects.exists()


@pytest.mark.parametrize("path", ["/graph/debug_token", "/graph/me"])
@pytest.mark.parametrize(
    ("status", "value", "expected"),
    [
        (400, {"error": {"code": 190}}, (400, "invalid_provider_token")),
        (200, [], (400, "invalid_provider_token")),
        (200, {"data": []}, (400, "invalid_provider_token")),
        (200, b"<html>", (400, "invalid_provider_token")),
        (302, {}, (400, "invalid_provider_token")),
        (429, {}, (503, "provider_unavailable")),
        (500, {}, (503, "provider_unavailable")),
        (200, b"x" * 300_000, (503, "provider_unavailable")),
    ],
)
def test_whatever_facebook_answers_nobody_slips_in(api_client, graph, path, status, value, expected):
    stand, *_ = graph
    stand.answer(path, value, status=status, location="http://127.0.0.1:1/")

    assert error(api_client.post(FACEBOOK, {"access_token": TOKEN})) == expected
    assert nobody_came_in()


def test_while_facebook_is_away_it_is_told_quickly_and_without_the_token(api_client, settings, stand, caplog):
    settings.FACEBOOK_LOGIN = settings.FACEBOOK_LOGIN | {"GRAPH_URL": "http://127.0.0.1:9"}
    started = time.monotonic()

    answer = api_client.post(FACEBOOK, {"access_token": TOKEN})

    assert (error(answer), answer["Retry-After"]) == ((503, "provider_unavailable"), "30")
    assert time.monotonic() - started < 5
    assert TOKEN not in caplog.text
    assert TOKEN not in answer.content.decode()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"access_token": ""},
        {"access_token": "a b"},
        {"access_token": "a\r\nX-Header: 1"},
        {"access_token": "é"},
        {"access_token": "x" * 2049},
        {"access_token": TOKEN, "id_token": "x"},
    ],
)
def test_malformed_bodies_are_refused_by_their_form(api_client, stand, body):
    assert api_client.post(FACEBOOK, body).status_code == 400
    assert stand.asked == []


@pytest.mark.parametrize(("missing", "statuses"), [({"APP_ID": ""}, [404, 404]), ({"APP_SECRET": ""}, [404, 200])])
def test_what_is_not_configured_is_off(api_client, graph, signer, settings, missing, statuses):
    settings.FACEBOOK_LOGIN = settings.FACEBOOK_LOGIN | missing
    claims = facebook_claims(aud=missing.get("APP_ID", APP_ID))

    answers = [
        client_for(None).post(FACEBOOK, body) for body in ({"access_token": TOKEN}, {"id_token": signer.sign(claims)})
    ]

    assert [answer.status_code for answer in answers] == statuses
    assert error(answers[0])[1] == "social_login_off"
