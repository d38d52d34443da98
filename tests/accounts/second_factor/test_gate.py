"""Staff without a second factor, where the shop demands one, over the API."""

import pytest
from django.test import Client

from accounts.models import User
from tests.accounts.second_factor.phones import TWO_FACTOR, Phone, secret_of
from tests.clients import client_for
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

STAFF = [{"is_staff": True}, {"is_superuser": True}, {"role": User.Role.ADMIN}]
OTHERS = [{}, {"role": User.Role.SELLER}]
# Reading, writing, what staff alone may, what anybody may.
PATHS = [
    ("get", "/api/orders/"),
    ("post", "/api/categories/"),
    ("get", "/api/stock/"),
    ("get", "/api/products/"),
    ("get", "/api/wishlist/"),
]


@pytest.fixture(autouse=True)
def demanded(settings):
    settings.STAFF_SECOND_FACTOR_REQUIRED = True


def refused(client) -> set[str | None]:
    answers = [getattr(client, method)(path, {}, format="json") for method, path in PATHS]
    return {
        answer.json()["errors"][0]["code"] if answer.status_code == 403 else None for answer in answers
    }  # fmt: skip


@pytest.mark.parametrize("powers", STAFF)
def test_staff_without_a_factor_can_do_nothing_else(powers):
    client = client_for(UserFactory(**powers))

    assert refused(client) == {"second_factor_setup_required"}


@pytest.mark.parametrize("powers", OTHERS)
def test_others_are_not_asked(powers):
    assert "second_factor_setup_required" not in refused(client_for(UserFactory(**powers)))


def test_where_the_shop_does_not_demand_it_staff_work_without(settings):
    settings.STAFF_SECOND_FACTOR_REQUIRED = False
    client = client_for(UserFactory(is_staff=True, is_superuser=True))

    assert refused(client) == {None}


def test_the_admins_session_is_refused_by_the_api_too():
    browser = Client()
    browser.force_login(UserFactory(is_staff=True, is_superuser=True))

    answer = browser.get("/api/orders/")

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "second_factor_setup_required")


def test_staff_log_in_set_one_up_and_go_on(api_client, clock):
    clerk = UserFactory(email="clerk@example.com", is_staff=True, is_superuser=True)
    pair = api_client.post("/api/auth/login/", {"email": clerk.email, "password": PASSWORD}).json()
    api_client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access']}")

    before = refused(api_client)
    state = api_client.get(TWO_FACTOR).json()
    begun = api_client.post(f"{TWO_FACTOR}begin/", {})
    phone = Phone(clerk, secret_of(begun.json()["secret"]), clock, [])
    still = refused(api_client)
    api_client.post(f"{TWO_FACTOR}confirm/", {"code": phone.code()})

    assert before == still == {"second_factor_setup_required"}
    assert (state["demanded"], state["enabled"]) == (True, False)
    assert refused(api_client) == {None}


def test_such_staff_may_log_out_and_see_who_they_are(api_client):
    clerk = UserFactory(is_staff=True)
    client = client_for(clerk)

    assert client.get("/api/users/profile/").status_code == 200
    assert client.post("/api/auth/logout/", {"everywhere": True}).status_code == 204
    assert client.get("/api/users/profile/").status_code == 401


def test_whoever_removes_theirs_is_shut_out_again(phone_of):
    clerk = UserFactory(is_staff=True, is_superuser=True)
    phone = phone_of(clerk)
    client = client_for(clerk)

    before = refused(client)
    client.post(f"{TWO_FACTOR}disable/", {"code": phone.code()})

    assert (before, refused(client)) == ({None}, {"second_factor_setup_required"})
