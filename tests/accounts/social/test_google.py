"""Coming in with Google: what is let in, and everything that is not."""

import hashlib
import hmac
import time
from datetime import timedelta

import jwt
import pytest
from django.utils import timezone

from accounts.audit.models import SecurityEvent
from accounts.models import RefreshSession, User
from accounts.social.models import SocialIdentity, SpentToken
from accounts.tasks import clean_up
from tests.accounts.second_factor.phones import Clock, with_factor
from tests.accounts.social.providers import CLIENT_ID, OTHER_CLIENT_ID, SUBJECT, Signer, encoded, google_claims
from tests.clients import client_for
from tests.factories import PASSWORD, UserFactory

GOOGLE = "/api/auth/social/google/"

pytestmark = pytest.mark.django_db


def error(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def nobody_came_in() -> bool:
    return not (
        RefreshSession.objects.exists()
        or SocialIdentity.objects.exists()
        or SpentToken.objects.exists()
        or User.objects.filter(last_login__isnull=False).exists()
        or SecurityEvent.objects.filter(kind__in=("login", "identity_linked")).exists()
    )


# --- Who is let in --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [GOOGLE, "/api/users/google/exchange/"])
@pytest.mark.parametrize("issuer", ["https://accounts.google.com", "accounts.google.com"])
def test_whoever_comes_for_the_first_time_gets_an_account(api_client, stand, signer, path, issuer):
    answer = api_client.post(path, {"id_token": signer.sign(google_claims(iss=issuer))})

    assert answer.status_code == 200
    user = User.objects.get()
    assert (user.email, user.first_name, user.last_name) == ("wanjiku@example.com", "Wanjiku", "Kamau")
    assert (user.role, user.is_staff, user.has_usable_password()) == ("customer", False, False)
    assert user.email_verified_at is not None
    assert answer.json()["user"]["id"] == str(user.pk)
    profile = api_client.get("/api/users/profile/", HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    assert profile.status_code == 200
    identity = SocialIdentity.objects.get()
    assert (identity.user, identity.issuer, identity.subject) == (user, "https://accounts.google.com", SUBJECT)
    kinds = [(event.kind, event.details) for event in SecurityEvent.objects.order_by("created_at")]
    assert kinds == [("identity_linked", {"provider": "google"}), ("login", {"by": "google"})]


def test_whoever_comes_again_is_the_same_though_the_address_has_changed(api_client, stand, signer):
    now = int(time.time())
    first = api_client.post(GOOGLE, {"id_token": signer.sign(google_claims())})
    again = google_claims(email="new@example.com", iss="accounts.google.com", aud=OTHER_CLIENT_ID, iat=now - 1)

    second = api_client.post(GOOGLE, {"id_token": signer.sign(again)})

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["user"]["id"] == second.json()["user"]["id"]
    assert (User.objects.get().email, SocialIdentity.objects.count()) == ("wanjiku@example.com", 1)


def test_another_subject_with_the_address_of_a_linked_one_is_not_let_in(api_client, stand, signer):
    api_client.post(GOOGLE, {"id_token": signer.sign(google_claims())})

    answer = api_client.post(GOOGLE, {"id_token": signer.sign(google_claims(sub="999"))})

    assert error(answer) == (409, "account_exists")
    assert (User.objects.count(), SocialIdentity.objects.get().subject) == (1, SUBJECT)


def test_names_are_kept_printable_and_short(api_client, stand, signer):
    claims = google_claims(given_name="Wan\x00ji\u202eku" * 40, family_name=["x"])

    assert api_client.post(GOOGLE, {"id_token": signer.sign(claims)}).status_code == 200
    assert (User.objects.get().first_name, User.objects.get().last_name) == (("Wanjiku" * 40)[:150], "")


def test_a_second_factor_is_asked_for(api_client, stand, signer, rf, monkeypatch):
    api_client.post(GOOGLE, {"id_token": signer.sign(google_claims())})
    clock = Clock()
    monkeypatch.setattr("accounts.second_factor.proof.time", clock)
    phone = with_factor(User.objects.get(), clock, rf.post("/"))
    RefreshSession.objects.all().delete()

    answer = api_client.post(GOOGLE, {"id_token": signer.sign(google_claims(iat=int(time.time()) - 5))}).json()
    before = RefreshSession.objects.count()
    done = api_client.post("/api/auth/2fa/verify/", {"challenge": answer["challenge"], "code": phone.code()})

    assert (set(answer), before) == ({"second_factor_required", "challenge", "expires_in"}, 0)
    assert done.status_code == 200
    assert SecurityEvent.objects.filter(kind="login").last().details == {"by": "google", "second_factor": "app"}


def test_a_deactivated_account_stays_shut(api_client, stand, signer):
    api_client.post(GOOGLE, {"id_token": signer.sign(google_claims())})
    User.objects.update(is_active=False, last_login=None)
    RefreshSession.objects.all().delete()

    answer = api_client.post(GOOGLE, {"id_token": signer.sign(google_claims(iat=int(time.time()) - 5))})

    assert error(answer) == (401, "invalid_credentials")
    assert not RefreshSession.objects.exists()
    assert SecurityEvent.objects.filter(kind="login_failed").count() == 1


# --- Accounts that are there already --------------------------------------------------------------------------


@pytest.mark.parametrize("verified", [True, False])
@pytest.mark.parametrize("address", ["wanjiku@example.com", "Wanjiku@Example.COM"])
def test_an_account_with_the_address_is_not_taken_over(api_client, stand, signer, verified, address):
    owner = UserFactory(email="wanjiku@example.com", email_verified_at=timezone.now() if verified else None)

    answer = api_client.post(GOOGLE, {"id_token": signer.sign(google_claims(email=address))})

    assert error(answer) == (409, "account_exists")
    assert (answer.json()["log_in"], answer.json()["link"]) == ("/api/auth/login/", "/api/auth/social/google/link/")
    assert nobody_came_in()
    before = owner.email_verified_at
    owner.refresh_from_db()
    assert (User.objects.count(), owner.email_verified_at, owner.check_password(PASSWORD)) == (1, before, True)


def test_the_refused_token_links_the_two_after_a_log_in(api_client, stand, signer):
    owner = UserFactory(email="wanjiku@example.com")
    token = {"id_token": signer.sign(google_claims())}
    refused = api_client.post(GOOGLE, token).json()
    pair = api_client.post(refused["log_in"], {"email": owner.email, "password": PASSWORD}).json()

    linked = api_client.post(refused["link"], token, HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
    later = api_client.post(GOOGLE, {"id_token": signer.sign(google_claims(iat=int(time.time()) - 5))})

    assert (linked.status_code, later.status_code) == (201, 200)
    assert later.json()["user"]["id"] == str(owner.pk)


@pytest.mark.parametrize(
    "address",
    [
        "ｗanjiku@example.com",  # full-width: the same to NFKC, another mailbox
        "wanjiku@example.com\u200b",
        "wanjiku@ⓔxample.com",
        "ﬁona@example.com",
        "not an address",
        "",
        None,
        ["wanjiku@example.com"],
        "x" * 250 + "@example.com",
    ],
)
def test_addresses_that_are_none_or_look_like_another_are_refused(api_client, stand, signer, address):
    UserFactory(email="wanjiku@example.com")

    answer = api_client.post(GOOGLE, {"id_token": signer.sign(google_claims(email=address))})

    assert error(answer) == (400, "email_not_verified")
    assert nobody_came_in()
    assert User.objects.count() == 1


def test_a_look_alike_of_other_letters_is_another_account(api_client, stand, signer):
    owner = UserFactory(email="wanjiku@example.com")

    answer = api_client.post(GOOGLE, {"id_token": signer.sign(google_claims(email="wаnjiku@example.com"))})

    # A Cyrillic а: no address of ours, and none that Django takes for one.
    assert error(answer) == (400, "email_not_verified")
    assert not owner.social_identities.exists()


@pytest.mark.parametrize("verified", [False, None, "true", 1, "yes"])
def test_an_address_that_google_does_not_vouch_for_is_refused(api_client, stand, signer, verified):
    answer = api_client.post(GOOGLE, {"id_token": signer.sign(google_claims(email_verified=verified))})

    assert error(answer) == (400, "email_not_verified")
    assert nobody_came_in()
    assert not User.objects.exists()


# --- Forged, old, for somebody else ---------------------------------------------------------------------------


def changed(**claims):
    return lambda signer, stranger: signer.sign(google_claims(**claims))


def hs256_with_the_public_key(signer, stranger):
    """The oldest trick: the public key as a shared secret. PyJWT does not sign so; an attacker does not ask it."""
    signed = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': 'key-1'})}.{encoded(google_claims())}"
    return f"{signed}.{encoded(hmac.new(signer.public_pem(), signed.encode(), hashlib.sha256).digest())}"


def with_another_payload(signer, stranger):
    header, _, signature = signer.sign(google_claims()).split(".")
    return f"{header}.{encoded(google_claims(sub='1'))}.{signature}"


def key_of_its_own(signer, stranger):
    """The key in the header: whoever believes it checks a forgery with the forger's key."""
    return stranger.sign(google_claims(), jwk=stranger.public(), jku="https://example.com/keys")


NOW = int(time.time())
FORGERIES = {
    "none": lambda signer, _: jwt.encode(google_claims(), None, algorithm="none", headers={"kid": "key-1"}),
    "None": lambda signer, _: f"{encoded({'alg': 'nOnE', 'kid': 'key-1'})}.{encoded(google_claims())}.",
    "no signature": lambda signer, _: signer.sign(google_claims()).rpartition(".")[0] + ".",
    "hs256 with the public key": hs256_with_the_public_key,
    "rs512": lambda signer, _: jwt.encode(google_claims(), signer.private, algorithm="RS512", headers={"kid": "key-1"}),
    "ps256": lambda signer, _: jwt.encode(google_claims(), signer.private, algorithm="PS256", headers={"kid": "key-1"}),
    "of a stranger": lambda _, stranger: stranger.sign(google_claims()),
    "with its own key": key_of_its_own,
    "unknown key": lambda signer, _: signer.sign(google_claims(), kid="key-2"),
    "no key id": lambda signer, _: jwt.encode(google_claims(), signer.private, algorithm="RS256"),
    "key id of another kind": lambda signer, _: (
        f"{encoded({'alg': 'RS256', 'kid': ['key-1']})}.{encoded(google_claims())}.{encoded(b'x' * 256)}"
    ),
    "unknown critical header": lambda signer, _: signer.sign(google_claims(), crit=["exp2"], exp2=1),
    "payload changed": with_another_payload,
    "wrong audience": changed(aud="another-app.apps.googleusercontent.com"),
    "several audiences": changed(aud=[CLIENT_ID, "another-app"]),
    "audience in a list": changed(aud=[CLIENT_ID]),
    "no audience": changed(aud=None),
    "wrong issuer": changed(iss="https://accounts.google.com.evil.example"),
    "another issuer's": changed(iss="https://www.facebook.com"),
    "issuer in a list": changed(iss=["https://accounts.google.com"]),
    "no issuer": changed(iss=None),
    "expired": changed(iat=NOW - 7200, exp=NOW - 3600),
    "no expiry": changed(exp=None),
    "expiry of another kind": changed(exp="tomorrow"),
    "lives for years": changed(exp=NOW + 10**9),
    "from the future": changed(iat=NOW + 3600, exp=NOW + 7200),
    "not yet": changed(nbf=NOW + 3600),
    "no subject": changed(sub=None),
    "empty subject": changed(sub=""),
    "subject of another kind": changed(sub=110169484474386276334),
    "subject with a zero": changed(sub="1\x00"),
    "subject of other digits": changed(sub="١١٠"),
    "long subject": changed(sub="1" * 256),
    "with a nonce that is not given": changed(nonce="n-1"),
    "nothing": lambda *_: ".",
    "rubbish": lambda *_: "rubbish",
    "rubbish in parts": lambda *_: "a.b.c",
    "other letters": lambda *_: "é.é.é",
    "nested arrays": lambda *_: f"{encoded(b'[' * 5000)}.{encoded({})}.x",
    "header is a list": lambda *_: f"{encoded([])}.{encoded({})}.x",
    "an access token of ours": lambda *_: jwt.encode({"user_id": "1"}, "k" * 32, algorithm="HS256"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_and_foreign_tokens_are_refused_alike(api_client, stand, signer, stranger, name):
    bystander = UserFactory()

    answer = api_client.post(GOOGLE, {"id_token": FORGERIES[name](signer, stranger)})

    assert error(answer) == (400, "invalid_provider_token")
    assert nobody_came_in()
    assert list(User.objects.all()) == [bystander]


@pytest.mark.parametrize("body", [{}, {"id_token": None}, {"id_token": ["x"]}, {"id_token": "x" * 8193}, []])
def test_malformed_bodies_are_refused_by_their_form(api_client, stand, body):
    assert api_client.post(GOOGLE, body).status_code == 400
    assert stand.asked == []


def test_a_megabyte_is_not_looked_at(api_client, stand):
    assert api_client.post(GOOGLE, {"id_token": "x" * 1_100_000}).status_code in (400, 413)
    assert stand.asked == []


@pytest.mark.parametrize(("theirs", "given"), [("n-1", "n-2"), ("n-1", ""), ("n-1", None), (None, "n-1"), (["n"], "n")])
def test_another_nonce_is_refused(api_client, stand, signer, theirs, given):
    body = {"id_token": signer.sign(google_claims(nonce=theirs))} | ({"nonce": given} if given is not None else {})

    answer = api_client.post(GOOGLE, body)

    assert answer.status_code == 400
    assert nobody_came_in()


def test_the_right_nonce_is_let_in(api_client, stand, signer):
    body = {"id_token": signer.sign(google_claims(nonce="n-1")), "nonce": "n-1"}

    assert api_client.post(GOOGLE, body).status_code == 200


# --- Twice ----------------------------------------------------------------------------------------------------


def test_a_token_is_taken_once(api_client, stand, signer):
    token = signer.sign(google_claims())
    first = api_client.post(GOOGLE, {"id_token": token})

    second = api_client.post(GOOGLE, {"id_token": token})

    assert (first.status_code, error(second)) == (200, (400, "invalid_provider_token"))
    assert RefreshSession.objects.count() == 1


def test_a_token_in_another_spelling_is_the_same_token(api_client, stand, signer):
    token = signer.sign(google_claims())
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # The last character of 256 bytes in base64 has four bits that nobody reads.
    twin = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]
    api_client.post(GOOGLE, {"id_token": token})

    answers = [api_client.post(GOOGLE, {"id_token": text}) for text in (twin, f"{token}=", f"{token}==")]

    assert [answer.status_code for answer in answers] == [400] * 3
    assert RefreshSession.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_parallel_uses_one_makes_the_account(api_client, stand, signer, together, settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"login": "1000/60"}
    token = signer.sign(google_claims())

    answers = together(*[lambda: client_for(None).post(GOOGLE, {"id_token": token}) for _ in range(10)])

    assert sorted(answer.status_code for answer in answers) == [200, *[400] * 9]
    assert (User.objects.count(), SocialIdentity.objects.count(), RefreshSession.objects.count()) == (1, 1, 1)


@pytest.mark.django_db(transaction=True)
def test_parallel_first_visits_make_one_account(stand, signer, together, settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"login": "1000/60"}
    now = int(time.time())
    tokens = [signer.sign(google_claims(iat=now - n)) for n in range(8)]

    answers = together(*[lambda token=token: client_for(None).post(GOOGLE, {"id_token": token}) for token in tokens])

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["user"]["id"] for answer in answers}) == 1
    assert (User.objects.count(), SocialIdentity.objects.count()) == (1, 1)


def test_spent_tokens_are_forgotten_when_they_have_expired(api_client, stand, signer):
    api_client.post(GOOGLE, {"id_token": signer.sign(google_claims())})
    SpentToken.objects.create(token_hash="0" * 64, expires_at=timezone.now() - timedelta(seconds=1))

    clean_up()

    assert [token.token_hash == "0" * 64 for token in SpentToken.objects.all()] == [False]


def test_a_token_is_remembered_beyond_its_last_second(api_client, stand, signer):
    now = int(time.time())
    token = signer.sign(google_claims(iat=now - 3600, exp=now - 5))  # in the leeway

    first = api_client.post(GOOGLE, {"id_token": token})
    clean_up()

    assert (first.status_code, error(api_client.post(GOOGLE, {"id_token": token}))[0]) == (200, 400)


# --- Switched off ---------------------------------------------------------------------------------------------


def test_without_a_client_id_the_way_is_closed(api_client, stand, signer, settings):
    settings.GOOGLE_LOGIN = settings.GOOGLE_LOGIN | {"CLIENT_IDS": []}

    answer = api_client.post(GOOGLE, {"id_token": signer.sign(google_claims(aud=""))})

    assert error(answer) == (404, "social_login_off")
    assert (nobody_came_in(), stand.asked) == (True, [])


def test_the_key_must_be_long_enough(api_client, stand):
    short = Signer("short", bits=1024)
    stand.keys(short)

    answer = api_client.post(GOOGLE, {"id_token": short.sign(google_claims())})

    assert answer.status_code == 503  # no usable key at all
    assert nobody_came_in()
