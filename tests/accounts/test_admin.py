import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts import tokens
from accounts.models import RefreshSession, User
from tests.admin_pages import address, listed, logged_in, member_of_staff, offered, queries_of, statuses, told
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

USERS = address("accounts_user_changelist")


def all_pages(user, group):
    return [
        USERS,
        address("accounts_user_add"),
        address("accounts_user_change", user),
        address("accounts_user_history", user),
        address("accounts_user_deactivate", user),
        address("auth_user_password_change", user),
        address("auth_group_changelist"),
        address("auth_group_add"),
        address("auth_group_change", group),
        address("auth_group_history", group),
    ]


def profile(user, **changes):
    kept = {
        "email": user.email or "",
        "first_name": user.first_name,
        "last_name": user.last_name,
        "phone_number": user.phone_number,
    }
    return kept | changes


def powers(user):
    user.refresh_from_db()
    return user.role, user.is_staff, user.is_superuser, list(user.groups.all())


# --- Who gets in ------------------------------------------------------------------------------------------------


def test_every_page_opens_for_a_superuser(staff, customer):
    pages = all_pages(customer, Group.objects.create(name="Counter"))

    assert statuses(logged_in(staff), pages) == dict.fromkeys(pages, 200)


def test_every_page_sends_strangers_and_customers_to_the_login(customer):
    pages = all_pages(customer, Group.objects.create(name="Counter"))

    for client in (Client(), logged_in(customer)):
        assert statuses(client, pages) == dict.fromkeys(pages, 302)
        assert client.get(USERS)["Location"] == f"/admin/login/?next={USERS}"


def test_every_page_is_closed_to_staff_without_rights(customer):
    pages = all_pages(customer, Group.objects.create(name="Counter"))

    assert statuses(logged_in(member_of_staff()), pages) == dict.fromkeys(pages, 403)


def test_login_page_takes_email_and_goes_on_to_next(staff):
    client = Client()

    answer = client.post("/admin/login/?next=" + USERS, {"username": staff.email, "password": PASSWORD, "next": USERS})

    assert (answer.status_code, answer["Location"]) == (302, USERS)


def test_pages_never_show_a_password_hash(staff, customer):
    client = logged_in(staff)

    for page in all_pages(customer, Group.objects.create(name="Counter")):
        text = client.get(page).content.decode()
        assert customer.password not in text
        assert customer.password.split("$")[-1] not in text


# --- Powers -----------------------------------------------------------------------------------------------------


def test_staff_correct_a_customer_and_cannot_promote(customer):
    client = logged_in(member_of_staff("accounts.view_user", "accounts.change_user"))
    group = Group.objects.create(name="Counter")
    wished = {"role": "admin", "is_staff": "on", "is_superuser": "on", "groups": [group.pk], "is_active": ""}

    answer = client.post(address("accounts_user_change", customer), profile(customer, first_name="Akinyi", **wished))

    assert answer.status_code == 302
    assert powers(customer) == ("customer", False, False, [])
    assert (customer.first_name, customer.is_active) == ("Akinyi", True)


@pytest.mark.parametrize("powerful", [{"is_superuser": True}, {"is_staff": True}, {"role": "admin"}])
def test_staff_cannot_touch_an_account_with_power(powerful):
    target = UserFactory(first_name="Juma", **powerful)
    client = logged_in(member_of_staff("accounts.view_user", "accounts.change_user"))
    before = User.objects.filter(pk=target.pk).values().get()

    answers = [
        client.post(address("accounts_user_change", target), profile(target, first_name="Mallory")).status_code,
        client.post(address("accounts_user_deactivate", target)).status_code,
        client.post(
            address("auth_user_password_change", target), {"password1": "nyoka-nne-9", "password2": "nyoka-nne-9"}
        ).status_code,
    ]

    assert answers == [403, 403, 403]
    assert offered(client, address("accounts_user_change", target)) == []
    assert User.objects.filter(pk=target.pk).values().get() == before


def test_staff_cannot_set_the_password_of_a_customer(customer):
    client = logged_in(member_of_staff("accounts.view_user", "accounts.change_user"))
    page = address("auth_user_password_change", customer)

    answer = client.post(page, {"password1": "nyoka-nne-9", "password2": "nyoka-nne-9"})

    customer.refresh_from_db()
    assert answer.status_code == 403
    assert customer.check_password(PASSWORD)
    assert offered(client, address("accounts_user_change", customer)) == ["Deactivate"]


def test_staff_with_every_right_on_groups_cannot_edit_them():
    group = Group.objects.create(name="Counter")
    rights = [f"auth.{verb}_group" for verb in ("view", "add", "change", "delete")]
    client = logged_in(member_of_staff(*rights))

    answer = client.post(address("auth_group_change", group), {"name": "Owners", "permissions": []})

    group.refresh_from_db()
    assert (answer.status_code, group.name) == (403, "Counter")
    assert client.get(address("auth_group_changelist")).status_code == 403


def test_superuser_makes_somebody_a_member_of_staff(staff, customer):
    group = Group.objects.create(name="Counter")

    answer = logged_in(staff).post(
        address("accounts_user_change", customer),
        profile(customer, role="seller", is_staff="on", groups=[group.pk]),
    )

    assert answer.status_code == 302
    assert powers(customer) == ("seller", True, False, [group])


def test_superusers_cannot_take_their_own_rights_away(staff):
    answer = logged_in(staff).post(address("accounts_user_change", staff), profile(staff, role="admin"))

    assert answer.status_code == 302
    assert powers(staff)[:3] == ("admin", True, True)


def test_superuser_builds_a_group_from_the_rights_that_have_pages(staff):
    client = logged_in(staff)
    field = client.get(address("auth_group_add")).context["adminform"].form.fields["permissions"]
    ship = field.queryset.get(codename="change_order")

    client.post(address("auth_group_add"), {"name": "Dispatch", "permissions": [ship.pk]})

    assert list(Group.objects.get(name="Dispatch").permissions.all()) == [ship]
    assert not field.queryset.filter(codename="change_idempotencykey").exists()


# --- Profiles ---------------------------------------------------------------------------------------------------


def test_add_makes_a_customer_who_can_log_in(staff):
    form = {
        "email": "Wanjiku@Example.COM",
        "first_name": "Wanjiku",
        "last_name": "Kamau",
        "phone_number": "0712 345 678",
        "password1": "nyoka-nne-9",
        "password2": "nyoka-nne-9",
    }

    answer = logged_in(staff).post(address("accounts_user_add"), form)

    user = User.objects.get(email="wanjiku@example.com")
    assert answer.status_code == 302
    assert (user.first_name, user.last_name, user.phone_number) == ("Wanjiku", "Kamau", "+254712345678")
    assert powers(user) == ("customer", False, False, [])
    assert user.username.startswith("wanjiku-")
    assert user.check_password("nyoka-nne-9")


def test_add_refuses_a_known_email_in_other_letters_and_a_missing_one(staff, customer):
    for email in (customer.email.upper(), ""):
        form = {"email": email, "password1": "nyoka-nne-9", "password2": "nyoka-nne-9"}

        answer = logged_in(staff).post(address("accounts_user_add"), form)

        assert answer.status_code == 200
        assert list(answer.context["adminform"].form.errors) == ["email"]
    assert User.objects.count() == 2


def test_change_of_email_and_phone_takes_their_verification_away(staff, customer):
    User.objects.filter(pk=customer.pk).update(email_verified_at=timezone.now(), phone_verified_at=timezone.now())
    changes = {"email": "New@Example.com", "phone_number": "0799 000 111", "role": "customer"}

    logged_in(staff).post(address("accounts_user_change", customer), profile(customer, **changes))

    customer.refresh_from_db()
    assert (customer.email, customer.email_verified_at) == ("new@example.com", None)
    assert (customer.phone_number, customer.phone_verified_at) == ("+254799000111", None)


def test_change_of_name_keeps_the_verification(staff, customer):
    verified = timezone.now()
    User.objects.filter(pk=customer.pk).update(email_verified_at=verified)

    logged_in(staff).post(
        address("accounts_user_change", customer), profile(customer, last_name="Otieno", role="customer")
    )

    customer.refresh_from_db()
    assert (customer.last_name, customer.email_verified_at) == ("Otieno", verified)


def test_change_refuses_what_is_no_phone_number(staff, customer):
    number = customer.phone_number

    answer = logged_in(staff).post(
        address("accounts_user_change", customer), profile(customer, phone_number="12", role="customer")
    )

    customer.refresh_from_db()
    assert list(answer.context["adminform"].form.errors) == ["phone_number"]
    assert customer.phone_number == number


def test_new_password_ends_every_session(staff, customer):
    tokens.start_session(customer)

    answer = logged_in(staff).post(
        address("auth_user_password_change", customer), {"password1": "nyoka-nne-9", "password2": "nyoka-nne-9"}
    )

    customer.refresh_from_db()
    assert answer.status_code == 302
    assert customer.check_password("nyoka-nne-9")
    assert customer.session_epoch == 1
    assert RefreshSession.objects.get(user=customer).revoked_at is not None


# --- Actions ----------------------------------------------------------------------------------------------------


def test_deactivate_asks_first_and_then_ends_every_session(staff, customer):
    tokens.start_session(customer)
    client, page = logged_in(staff), address("accounts_user_deactivate", customer)

    asked = client.get(page)
    customer.refresh_from_db()
    still_active = customer.is_active
    answer = client.post(page)

    customer.refresh_from_db()
    assert (asked.status_code, still_active) == (200, True)
    assert told(answer) == ["Deactivated; every session has ended."]
    assert (customer.is_active, customer.session_epoch) == (False, 1)
    assert RefreshSession.objects.get(user=customer).revoked_at is not None
    assert offered(client, address("accounts_user_change", customer)) == ["Activate", "Set password"]


def test_activate_lets_somebody_in_again(staff):
    user = UserFactory(is_active=False)

    answer = logged_in(staff).post(address("accounts_user_activate", user))

    user.refresh_from_db()
    assert (told(answer), user.is_active) == (["Activated."], True)


def test_nobody_deactivates_themselves(staff):
    answer = logged_in(staff).post(address("accounts_user_deactivate", staff))

    staff.refresh_from_db()
    assert told(answer) == ["You cannot deactivate yourself."]
    assert (staff.is_active, staff.session_epoch) == (True, 0)


def test_users_are_never_deleted(staff, customer):
    answer = logged_in(staff).post(address("accounts_user_delete", customer), {"post": "yes"})

    assert answer.status_code == 403
    assert User.objects.filter(pk=customer.pk).exists()


# --- Finding ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "wanjiku@example.com",
        "WANJIKU",
        "Wanjiku Kamau",
        "0712345678",
        "0712 345 678",
        "+254712345678",
        "254712345678",
        "712345678",
    ],
)
def test_search_finds_a_user_by(staff, text):
    UserFactory(email="otieno@example.com", first_name="Otieno", phone_number="+254712345679")
    wanted = UserFactory(
        email="wanjiku@example.com", first_name="Wanjiku", last_name="Kamau", phone_number="+254712345678"
    )

    assert listed(logged_in(staff).get(USERS, {"q": text})) == [wanted]


def test_list_costs_the_same_for_one_and_three_users(staff):
    client = logged_in(staff)
    one = queries_of(client, USERS)

    for _ in range(2):
        UserFactory()

    assert queries_of(client, USERS) == one
