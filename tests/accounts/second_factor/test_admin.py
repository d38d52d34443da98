"""The second factor in the admin: logging in, setting one up, being obliged to, losing it."""

import re

import pytest
from django.test import Client

from accounts.audit.models import SecurityEvent
from accounts.models import User
from accounts.second_factor.models import LogInChallenge, RecoveryCode, SecondFactor
from tests.accounts.second_factor.phones import Phone, factor_of, secret_of
from tests.admin_pages import address, logged_in, member_of_staff, offered, told
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
INDEX = "/admin/"
PAGE = "/admin/second-factor/"
REMOVE = "Remove second factor"


@pytest.fixture
def clerk() -> User:
    return UserFactory(email="clerk@example.com", is_staff=True, is_superuser=True)


def enter(client, **data):
    return client.post(f"{LOGIN}?next=/admin/orders/order/", data)


def first_step(client, user) -> str:
    return enter(client, username=user.email, password=PASSWORD).context["form"].waiting


def is_in(client) -> bool:
    return client.get(INDEX).status_code == 200


def refusal(answer) -> str:
    return answer.context["form"].errors.as_text()


# --- Logging in -----------------------------------------------------------------------------------------------


def test_without_a_factor_the_password_opens_the_admin(clerk):
    client = Client()

    answer = enter(client, username=clerk.email, password=PASSWORD)

    assert (answer.status_code, answer["Location"]) == (302, "/admin/orders/order/")
    assert is_in(client)
    assert SecurityEvent.objects.get().details == {"by": "admin"}


@pytest.mark.parametrize("kind", ["app", "recovery_code"])
def test_with_a_factor_the_code_opens_the_admin(phone_of, clerk, kind):
    phone, client = phone_of(clerk), Client()
    code = {"app": phone.code(), "recovery_code": phone.recovery_codes[0]}[kind]

    challenge = first_step(client, clerk)
    between = is_in(client), "sessionid" in client.cookies
    answer = enter(client, challenge=challenge, code=code)

    assert between == (False, False)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/orders/order/")
    assert is_in(client)
    entry = SecurityEvent.objects.get(kind="login")
    assert (entry.user, entry.details) == (clerk, {"by": "admin", "second_factor": kind})


def test_the_second_step_asks_for_nothing_but_the_code(phone_of, clerk):
    phone_of(clerk)

    page = enter(Client(), username=clerk.email, password=PASSWORD).content.decode()

    fields = set(re.findall(r'<input[^>]* name="(\w+)"', page))
    assert fields == {"csrfmiddlewaretoken", "challenge", "next", "code"}
    assert PASSWORD not in page


def test_a_wrong_code_leaves_the_door_shut_and_is_counted(phone_of, clerk):
    phone, client = phone_of(clerk), Client()
    challenge = first_step(client, clerk)

    wrong = [enter(client, challenge=challenge, code=phone.wrong_code()) for _ in range(3)]
    blocked = enter(client, challenge=challenge, code=phone.code())

    assert ["wrong, out of date or already used" in refusal(answer) for answer in wrong] == [True] * 3
    assert "Too many wrong tries" in refusal(blocked)
    assert blocked.context["form"].waiting == challenge
    assert (is_in(client), factor_of(clerk).failures) == (False, 3)


@pytest.mark.parametrize("challenge", ["rubbish", "x" * 300])
def test_a_challenge_that_is_none_starts_again(phone_of, clerk, challenge):
    phone, client = phone_of(clerk), Client()

    answer = enter(client, challenge=challenge, code=phone.code())

    assert answer.status_code == 200
    assert 'name="password"' in answer.content.decode()
    assert not is_in(client)


def test_the_challenge_works_once_here_too(phone_of, clerk):
    phone, client = phone_of(clerk), Client()
    challenge = first_step(client, clerk)
    enter(client, challenge=challenge, code=phone.code())
    phone.clock.next_step()

    other = Client()
    answer = enter(other, challenge=challenge, code=phone.code())

    assert "Log in again" in refusal(answer)
    assert not is_in(other)


def test_name_and_password_beside_a_challenge_open_nothing(phone_of, clerk):
    phone_of(clerk)
    plain = UserFactory(email="plain@example.com", is_staff=True)
    client = Client()

    enter(client, username=plain.email, password=PASSWORD, challenge="rubbish", code="")

    assert not is_in(client)


def test_customers_with_a_factor_are_refused_before_the_code(phone_of):
    customer = UserFactory()
    phone_of(customer)

    answer = enter(Client(), username=customer.email, password=PASSWORD)

    assert answer.context["form"].waiting == ""
    assert not LogInChallenge.objects.exists()


def test_a_challenge_of_the_api_does_not_let_a_customer_into_the_admin(phone_of, api_client):
    customer = UserFactory()
    phone, client = phone_of(customer), Client()
    body = {"email": customer.email, "password": PASSWORD}
    challenge = api_client.post("/api/auth/login/", body).json()["challenge"]

    enter(client, challenge=challenge, code=phone.code())

    assert not is_in(client)
    assert LogInChallenge.objects.get().used_at is None


# --- Setting up, on the page ----------------------------------------------------------------------------------


def set_up(client, user, clock) -> tuple[Phone, list[str]]:
    begun = client.post(PAGE, {"action": "begin", "password": PASSWORD})
    phone = Phone(user, secret_of(begun.context["beginning"].secret), clock, [])
    confirmed = client.post(PAGE, {"action": "confirm", "code": phone.code()})
    clock.next_step()
    return phone, confirmed.context["recovery_codes"]


def test_staff_set_one_up_renew_and_remove_it(clerk, clock):
    client = logged_in(clerk)
    empty = client.get(PAGE).content.decode()

    phone, codes = set_up(client, clerk, clock)
    shown = client.get(PAGE).content.decode()
    renewed = client.post(PAGE, {"action": "renew", "code": phone.code()})
    removed = client.post(PAGE, {"action": "remove", "code": renewed.context["recovery_codes"][0]})

    assert "Set up a second factor" in empty
    assert "Your log-in asks for a code" in shown
    assert not any(code in shown for code in codes)
    assert len(renewed.context["recovery_codes"]) == 10
    assert (removed.status_code, told(removed)) == (302, ["Your log-in no longer asks for a code."])
    clerk.refresh_from_db()
    assert clerk.second_factor_at is None


def test_the_page_shows_the_picture_and_the_secret_once(clerk, clock):
    client = logged_in(clerk)

    begun = client.post(PAGE, {"action": "begin", "password": PASSWORD})

    secret = begun.context["beginning"].secret
    assert secret in begun.content.decode()
    assert '<svg xmlns="http://www.w3.org/2000/svg"' in begun.content.decode()
    assert secret not in client.get(PAGE).content.decode()
    assert "no-store" in begun["Cache-Control"]


@pytest.mark.parametrize(
    "data",
    [
        {"action": "begin", "password": "wrong"},
        {"action": "begin"},
        {"action": "confirm", "code": "000000"},
        {"action": "renew", "code": "000000"},
        {"action": "remove", "code": "000000"},
        {"action": "whatever"},
        {},
    ],
)
def test_what_is_wrong_sets_nothing_up(clerk, data):
    answer = logged_in(clerk).post(PAGE, data)

    clerk.refresh_from_db()
    assert (answer.status_code, clerk.second_factor_at) == (200, None)
    assert not RecoveryCode.objects.exists()
    assert not SecondFactor.objects.exclude(sealed_secret="").exists()


def test_the_page_is_for_staff_alone(customer):
    for client in (Client(), logged_in(customer)):
        for answer in (client.get(PAGE), client.post(PAGE, {"action": "begin", "password": PASSWORD})):
            assert (answer.status_code, answer["Location"]) == (302, f"{LOGIN}?next={PAGE}")
    assert not SecondFactor.objects.exists()


def test_the_page_demands_a_csrf_token(clerk):
    client = Client(enforce_csrf_checks=True)
    client.force_login(clerk)

    assert client.post(PAGE, {"action": "begin", "password": PASSWORD}).status_code == 403
    assert not SecondFactor.objects.exists()


# --- Being obliged to -----------------------------------------------------------------------------------------


@pytest.fixture
def demanded(settings):
    settings.STAFF_SECOND_FACTOR_REQUIRED = True


def test_every_page_leads_to_the_setup_until_it_is_done(clerk, clock, demanded):
    client = Client()
    enter(client, username=clerk.email, password=PASSWORD)
    pages = [
        INDEX,
        address("accounts_user_changelist"),
        address("accounts_user_change", clerk),
        address("accounts_user_deactivate", UserFactory()),
        address("auth_user_password_change", clerk),
        "/admin/password_change/",
        "/admin/nowhere/",
    ]

    before = {(client.get(page).status_code, client.get(page)["Location"]) for page in pages}
    setup = client.get(PAGE).content.decode()
    set_up(client, clerk, clock)

    assert before == {(302, PAGE)}
    assert "This shop lets staff work only with one." in setup
    assert client.get(INDEX).status_code == 200


def test_nothing_is_done_by_a_post_either(clerk, demanded):
    other = UserFactory()

    answer = logged_in(clerk).post(address("accounts_user_deactivate", other))

    other.refresh_from_db()
    assert (answer["Location"], other.is_active) == (PAGE, True)


def test_such_staff_may_leave(clerk, demanded):
    client = logged_in(clerk)

    assert client.post("/admin/logout/").status_code == 200
    assert client.get(INDEX)["Location"] == f"{LOGIN}?next={INDEX}"


def test_strangers_are_sent_to_the_log_in_as_ever(demanded):
    assert Client().get(INDEX)["Location"] == f"{LOGIN}?next={INDEX}"


# --- Lost phone and codes -------------------------------------------------------------------------------------


def test_a_superuser_removes_a_lost_factor(phone_of, clerk, customer, run_owed_work, mailoutbox):
    phone_of(customer)
    remove = address("accounts_user_remove_second_factor", customer)
    client = logged_in(clerk)

    assert REMOVE in offered(client, address("accounts_user_change", customer))
    client.post(remove)

    customer.refresh_from_db()
    assert (customer.second_factor_at, SecondFactor.objects.count()) == (None, 0)
    entry = SecurityEvent.objects.get(kind="second_factor_removed")
    assert (entry.user, entry.actor, entry.details) == (customer, clerk, {"by": "staff"})
    run_owed_work()
    assert "no longer asks for a code" in mailoutbox[-1].subject
    assert REMOVE not in offered(client, address("accounts_user_change", customer))


def test_other_staff_do_not_remove_factors(phone_of, customer):
    phone_of(customer)
    client = logged_in(member_of_staff("accounts.view_user", "accounts.change_user"))
    remove = address("accounts_user_remove_second_factor", customer)

    status = client.post(remove).status_code

    customer.refresh_from_db()
    assert (status, customer.second_factor_at is not None) == (403, True)
    assert REMOVE not in offered(client, address("accounts_user_change", customer))
