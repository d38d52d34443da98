import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User, normalise_email
from accounts.profiles.models import Profile
from tests.factories import UserFactory

PROFILE = "/api/users/profile/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return UserFactory(
        email="wanjiku@example.com", username="wanjiku", first_name="Wanjiku", last_name="Mwangi",
        phone_number="+254712345678", phone_verified_at=timezone.now(),
    )  # fmt: skip


def row(user: User) -> dict:
    return User.objects.values().get(pk=user.pk)


def test_profile_shows_the_user_and_nobody_else(signed_in_client, user):
    UserFactory()

    answer = signed_in_client(user).get(PROFILE)

    assert answer.status_code == 200
    assert answer.json() == {
        "id": str(user.pk), "username": "wanjiku", "email": "wanjiku@example.com", "first_name": "Wanjiku",
        "last_name": "Mwangi", "phone_number": "+254712345678", "role": "customer", "is_admin": False,
        "is_staff": False, "is_active": True, "email_verified_at": None,
        "date_joined": user.date_joined.isoformat().replace("+00:00", "Z"), "last_login": None,
        "avatar": "", "avatar_state": "", "avatar_failure": "", "language": "en", "currency": "KES",
        "parcel_mails": True, "marketing_mail": False, "marketing_sms": False,
    }  # fmt: skip


@pytest.mark.parametrize("method", ["patch", "put"])
def test_names_and_phone_can_be_changed(signed_in_client, user, method):
    other = UserFactory()
    before = row(other)

    answer = getattr(signed_in_client(user), method)(
        PROFILE, {"first_name": " Shiru ", "last_name": "", "phone_number": "0110 345 678"}
    )

    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("first_name", "last_name", "phone_number")} == {
        "first_name": "Shiru", "last_name": "", "phone_number": "+254110345678",
    }  # fmt: skip
    user.refresh_from_db()
    assert (user.first_name, user.last_name, user.phone_number) == ("Shiru", "", "+254110345678")
    assert user.phone_verified_at is None
    assert row(other) == before


@pytest.mark.parametrize("body", [{"first_name": "Shiru"}, {"phone_number": "0712345678"}])
def test_phone_that_stays_the_same_stays_verified(signed_in_client, user, body):
    answer = signed_in_client(user).patch(PROFILE, body)

    assert answer.status_code == 200
    user.refresh_from_db()
    assert user.phone_verified_at is not None


def test_phone_can_be_taken_away(signed_in_client, user):
    answer = signed_in_client(user).patch(PROFILE, {"phone_number": ""})

    assert (answer.status_code, answer.json()["phone_number"]) == (200, "")
    user.refresh_from_db()
    assert (user.phone_number, user.phone_verified_at) == ("", None)


@pytest.mark.parametrize("method", ["patch", "put"])
def test_everything_else_is_read_only(signed_in_client, user, method):
    before = row(user)
    wished = {
        "id": "00000000-0000-7000-8000-000000000000", "username": "root", "email": "evil@example.com",
        "role": "admin", "is_admin": True, "is_staff": True, "is_superuser": True, "is_active": False,
        "email_verified_at": "2020-01-01T00:00:00Z", "phone_verified_at": "2020-01-01T00:00:00Z",
        "session_epoch": 99, "password": "new-password-7", "date_joined": "2020-01-01T00:00:00Z",
        "last_login": "2020-01-01T00:00:00Z", "groups": [1], "user_permissions": [1],
        "marketing_mail": True, "marketing_sms": True, "avatar": "avatars/aa/x.webp", "avatar_upload": "imports/x",
    }  # fmt: skip

    answer = getattr(signed_in_client(user), method)(PROFILE, wished)

    assert answer.status_code == 200
    after = row(user)
    assert {name for name in before if before[name] != after[name]} <= {"updated_at"}
    assert (user.groups.count(), user.user_permissions.count()) == (0, 0)
    assert not Profile.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"phone_number": "12"},
        {"phone_number": "2540712345678"},
        {"phone_number": None},
        {"phone_number": "0" * 5000},
        {"first_name": "x" * 151},
        {"first_name": ["a"]},
        {"last_name": None},
        {"language": "fr"},
        {"currency": "XXX"},
        {"parcel_mails": "perhaps"},
    ],
)
def test_bad_value_is_a_400_that_names_it_and_changes_nothing(signed_in_client, user, body):
    before = row(user)

    answer = signed_in_client(user).patch(PROFILE, {"first_name": "Changed"} | body)

    assert answer.status_code == 400
    assert [error["attr"] for error in answer.json()["errors"]] == list(body)
    assert row(user) == before


@pytest.mark.parametrize("method", ["post", "delete"])
def test_profile_is_neither_made_nor_deleted_here(signed_in_client, user, method):
    assert getattr(signed_in_client(user), method)(PROFILE).status_code == 405
    assert User.objects.filter(pk=user.pk).exists()


@pytest.mark.parametrize("method", ["get", "put", "patch"])
def test_profile_of_nobody_is_a_401(api_client, user, method):
    assert getattr(api_client, method)(PROFILE).status_code == 401


# --- The model ----------------------------------------------------------------------------------------------


def test_address_in_capitals_cannot_be_stored(user):
    with pytest.raises(IntegrityError, match="user_email_in_lower_case"), transaction.atomic():
        User.objects.filter(pk=user.pk).update(email="WANJIKU@example.com")


def test_verified_phone_belongs_to_one_user_and_an_unverified_one_to_many(user):
    UserFactory(phone_number=user.phone_number)

    with pytest.raises(IntegrityError, match="user_verified_phone_once"), transaction.atomic():
        UserFactory(phone_number=user.phone_number, phone_verified_at=timezone.now())


def test_users_without_an_address_are_as_many_as_like(db):
    for _ in range(2):
        User.objects.create_user(None)

    assert [name.startswith("user-") for name in User.objects.values_list("username", flat=True)] == [True, True]
    assert not User.objects.exclude(email=None).exists()


@pytest.mark.parametrize(
    ("text", "normal"), [(" A@B.Co ", "a@b.co"), ("ａ@ｂ.co", "a@b.co"), ("ﬁ@b.co", "fi@b.co"), ("", "")]
)
def test_address_has_one_normal_form(text, normal):
    assert normalise_email(text) == normal
    assert normalise_email(normal) == normal


@pytest.mark.parametrize(
    ("fields", "text", "short", "full"),
    [
        ({"first_name": "Wanjiku", "last_name": "Mwangi"}, "a@example.com", "Wanjiku", "Wanjiku Mwangi"),
        ({"username": "shiru"}, "a@example.com", "shiru", ""),
    ],
)
def test_user_has_names_for_people(fields, text, short, full):
    user = UserFactory(email="a@example.com", **fields)

    assert (str(user), user.get_short_name(), user.get_full_name()) == (text, short, full)


def test_natural_key_is_the_address_in_any_spelling(user):
    assert User.objects.get_by_natural_key("WANJIKU@Example.com") == user
