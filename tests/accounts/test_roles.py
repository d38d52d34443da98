"""Roles of staff: what they hold, who gives them, and that every token feels it with the next request."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.urls import reverse

from accounts.api_keys.models import ApiKey
from accounts.audit.models import SecurityEvent
from accounts.models import User
from accounts.roles.definitions import SHOP, StaffRole, named
from accounts.roles.groups import keep_groups
from accounts.roles.services import set_roles
from tests.accounts.test_api_keys import make, with_key
from tests.accounts.ways_in import enters, in_the_admin, with_cookie, with_old_log_in, with_token
from tests.clients import client_for
from tests.factories import UserFactory, place_order

pytestmark = pytest.mark.django_db

ROLES = "/api/users/roles/"


def path_of(user: User) -> str:
    return f"/api/users/{user.pk}/roles/"


def member(role: StaffRole, **fields: Any) -> User:
    user = UserFactory(is_staff=True, role="admin" if role == StaffRole.ADMIN else "customer", **fields)
    user.groups.add(Group.objects.get(name=role.label))
    return user


def state(user: User) -> tuple[Any, ...]:
    user = User.objects.get(pk=user.pk)
    groups = sorted(user.groups.values_list("name", flat=True))
    return user.role, user.is_staff, user.is_superuser, groups, user.session_epoch


# --- Groups ---------------------------------------------------------------------------------------------------


def rights(role: StaffRole) -> set[tuple[str, str]]:
    return set(Group.objects.get(name=role.label).permissions.values_list("content_type__app_label", "codename"))


def test_every_permission_that_a_role_names_exists():
    existing = set(Permission.objects.values_list("content_type__app_label", "codename"))
    assert {role: set(named(role)) - existing for role in StaffRole} == {role: set() for role in StaffRole}


def test_migrating_has_given_each_role_its_rights():
    for role in StaffRole:
        if role != StaffRole.ADMIN:
            assert rights(role) == set(named(role))
    everything = Permission.objects.filter(content_type__app_label__in=SHOP)
    assert rights(StaffRole.ADMIN) == set(everything.values_list("content_type__app_label", "codename"))


def test_migrating_again_undoes_changes_of_roles_and_leaves_other_groups(django_assert_num_queries):
    own = Group.objects.create(name="Night shift")
    ship = Permission.objects.get(codename="change_order")
    own.permissions.add(ship)
    before = {role: rights(role) for role in StaffRole}
    Group.objects.get(name="Support").permissions.set([Permission.objects.get(codename="change_refund")])
    Group.objects.get(name="Finance").delete()

    call_command("migrate", verbosity=0)

    assert {role: rights(role) for role in StaffRole} == before
    assert list(own.permissions.all()) == [ship]
    with django_assert_num_queries(6):  # savepoint, insert, two reads of what is known, one of what is there
        keep_groups()


def test_only_finance_and_admins_move_money():
    movers = {
        "change_refund",
        "change_receivedmoney",
        "change_payout",
        "add_giftcard",
        "add_storecredit",
        "refund_return",
    }
    for role in StaffRole:
        moves = {codename for _, codename in rights(role)} & movers
        assert moves == (movers if role in (StaffRole.FINANCE, StaffRole.ADMIN) else set())


def test_no_role_but_admin_touches_people_or_the_trail():
    may_see = {"view_user", "view_sellerprofile", "view_payoutdestination"}
    for role in set(StaffRole) - {StaffRole.ADMIN}:
        assert {codename for app, codename in rights(role) if app == "accounts"} <= may_see


# --- Giving them ----------------------------------------------------------------------------------------------


def test_admin_gives_roles_and_the_trail_says_so(customer):
    admin = member(StaffRole.ADMIN)
    client_for(customer)

    answer = client_for(admin).put(path_of(customer), {"roles": ["order_clerk", "finance"]})

    assert answer.status_code == 200
    assert answer.json() == {
        "id": str(customer.pk),
        "roles": ["finance", "order_clerk"],
        "own_groups": [],
        "is_staff": True,
        "is_superuser": False,
        "is_active": True,
    }
    assert state(customer) == ("customer", True, False, ["Finance", "Order clerk"], 1)
    entry = SecurityEvent.objects.get(kind="roles_changed")
    assert (entry.user, entry.actor) == (customer, admin)
    assert entry.details["before"]["groups"] == []
    assert len(entry.details["after"]["groups"]) == 2


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (["seller"], ("seller", False, False, [], 1)),
        (["admin"], ("admin", True, False, ["Admin"], 1)),
        (["seller", "support"], ("seller", True, False, ["Support"], 1)),
        (["support", "support"], ("customer", True, False, ["Support"], 1)),
        ([], ("customer", False, False, [], 0)),
    ],
)
def test_roles_become_columns_and_groups(customer, roles, expected):
    assert client_for(member(StaffRole.ADMIN)).put(path_of(customer), {"roles": roles}).status_code == 200
    assert state(customer) == expected


def test_taking_every_role_makes_a_customer_but_leaves_own_groups(customer):
    own = Group.objects.create(name="Night shift")
    clerk, night = member(StaffRole.ORDER_CLERK), member(StaffRole.ADMIN)
    night.groups.add(own)
    client = client_for(member(StaffRole.ADMIN))

    client.put(path_of(clerk), {"roles": []})
    client.put(path_of(night), {"roles": []})

    assert state(clerk) == ("customer", False, False, [], 1)
    assert state(night) == ("customer", True, False, ["Night shift"], 1)


def test_same_roles_again_change_nothing():
    clerk = member(StaffRole.ORDER_CLERK)
    open_there = client_for(clerk)
    assert client_for(member(StaffRole.ADMIN)).put(path_of(clerk), {"roles": ["order_clerk"]}).status_code == 200
    assert enters(open_there)
    assert not SecurityEvent.objects.filter(kind="roles_changed").exists()


@pytest.mark.parametrize("role", [role for role in StaffRole if role != StaffRole.ADMIN])
def test_staff_who_are_no_admins_give_nothing(customer, role):
    before = state(customer)
    client = client_for(member(role))
    assert client.put(path_of(customer), {"roles": ["support"]}).status_code == 403
    assert (client.get(path_of(customer)).status_code, client.get(ROLES).status_code) == (403, 403)
    assert state(customer) == before


def test_customers_and_sellers_and_admins_by_word_alone_give_nothing(api_client, customer):
    """The column ``role`` is not enough: an admin is staff too."""
    before = state(customer)
    for user in (customer, UserFactory(role="seller"), UserFactory(role="admin")):
        assert client_for(user).put(path_of(customer), {"roles": ["admin"]}).status_code == 403
    assert api_client.put(path_of(customer), {"roles": ["admin"]}).status_code == 401
    assert state(customer) == before


@pytest.mark.parametrize("way_in", [with_token, with_old_log_in])
def test_giving_roles_takes_a_fresh_log_in(customer, way_in):
    answer = way_in(member(StaffRole.ADMIN)).put(path_of(customer), {"roles": ["support"]})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "fresh_log_in_required")
    assert state(customer) == ("customer", False, False, [], 0)


def test_nobody_changes_their_own_rights_and_no_admin_a_superusers(staff):
    admin = member(StaffRole.ADMIN)
    for user in (admin, staff):
        before = state(user)
        answer = client_for(admin).put(path_of(user), {"roles": ["support"]})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "roles_refused")
        assert state(user) == before


@pytest.mark.parametrize(
    "body", [{}, {"roles": ["superuser"]}, {"roles": "admin"}, {"roles": None}, {"roles": [["a"]]}]
)
def test_roles_that_do_not_exist_are_a_400(customer, body):
    assert client_for(member(StaffRole.ADMIN)).put(path_of(customer), body).status_code == 400
    assert state(customer) == ("customer", False, False, [], 0)


def test_seller_and_admin_do_not_go_together(customer):
    answer = client_for(member(StaffRole.ADMIN)).put(path_of(customer), {"roles": ["seller", "admin"]})
    assert answer.status_code == 409
    assert state(customer) == ("customer", False, False, [], 0)


def test_unknown_person_is_a_404():
    assert client_for(member(StaffRole.ADMIN)).put(f"/api/users/{uuid4()}/roles/", {"roles": []}).status_code == 404


def test_list_of_roles_says_what_each_may():
    rows = client_for(member(StaffRole.ADMIN)).get(ROLES).json()
    assert [row["role"] for row in rows] == StaffRole.values
    support = next(row for row in rows if row["role"] == "support")
    assert support["permissions"] == sorted(f"{app}.{codename}" for app, codename in named(StaffRole.SUPPORT))


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_take_each_others_role_at_once_do_not_both_win(rf, together):
    first, second = member(StaffRole.ADMIN), member(StaffRole.ADMIN)

    together(
        lambda: set_roles(second.pk, [], actor=first, request=rf.put("/")),
        lambda: set_roles(first.pk, [], actor=second, request=rf.put("/")),
    )

    assert sorted([state(first)[0], state(second)[0]]) == ["admin", "customer"]


# --- In the admin ---------------------------------------------------------------------------------------------


def test_rights_given_in_the_admin_end_what_is_open_and_leave_an_entry(staff, customer):
    phone = client_for(customer)
    form = {"email": customer.email, "first_name": "", "last_name": "", "phone_number": customer.phone_number}
    group = Group.objects.get(name="Support")

    answer = in_the_admin(staff).post(
        reverse("admin:accounts_user_change", args=[customer.pk]),
        {**form, "role": "customer", "is_staff": "on", "groups": [group.pk]},
    )

    assert answer.status_code == 302
    assert state(customer) == ("customer", True, False, ["Support"], 1)
    assert not enters(phone)
    entry = SecurityEvent.objects.get(kind="roles_changed")
    assert (entry.user, entry.actor, entry.details["after"]["groups"]) == (customer, staff, [group.pk])


def test_browser_that_was_left_open_gives_no_rights_but_corrects_names(staff, customer):
    client = in_the_admin(staff)
    session = client.session
    session["logged_in_at"] -= 16 * 60
    session.save()
    form = {"email": customer.email, "last_name": "Otieno", "phone_number": customer.phone_number}
    page = reverse("admin:accounts_user_change", args=[customer.pk])

    client.post(page, {**form, "role": "admin", "is_staff": "on", "is_superuser": "on"})
    refused = client.post(reverse("admin:auth_group_add"), {"name": "Owners", "permissions": []})

    customer.refresh_from_db()
    assert state(customer) == ("customer", False, False, [], 0)
    assert customer.last_name == "Otieno"
    assert "takes a fresh log-in" in client.get(page).content.decode()
    assert (refused.status_code, Group.objects.filter(name="Owners").exists()) == (403, False)


def test_group_of_a_role_is_not_edited_in_the_admin(staff):
    group = Group.objects.get(name="Support")
    page = reverse("admin:auth_group_change", args=[group.pk])
    before = rights(StaffRole.SUPPORT)

    assert in_the_admin(staff).get(page).status_code == 200
    assert in_the_admin(staff).post(page, {"name": "Support", "permissions": []}).status_code == 403
    assert rights(StaffRole.SUPPORT) == before


# --- The next request -----------------------------------------------------------------------------------------


def each_way_in(user: User) -> dict[str, Any]:
    return {
        "access": client_for(user),
        "opaque": with_token(user),
        "cookie": with_cookie(user),
        "key": with_key(make(user, "orders:read")),
    }


def test_deactivation_shuts_every_way_in_with_the_next_request_and_for_good(staff):
    clerk = member(StaffRole.ORDER_CLERK)
    order = place_order(UserFactory())
    ways, page = each_way_in(clerk), f"/api/orders/{order.pk}/"
    before = {name: client.get(page).status_code for name, client in ways.items()}
    admin = in_the_admin(staff)

    admin.post(f"/admin/accounts/user/{clerk.pk}/deactivate/")
    after = {name: client.get(page).status_code for name, client in ways.items()}
    admin.post(f"/admin/accounts/user/{clerk.pk}/activate/")
    again = {name: client.get(page).status_code for name, client in ways.items()}

    assert before == dict.fromkeys(ways, 200)
    assert after == again == dict.fromkeys(ways, 401)
    assert not ApiKey.objects.filter(revoked_at__isnull=True).exists()
    kinds = SecurityEvent.objects.filter(user=clerk, actor=staff).values_list("kind", flat=True)
    assert sorted(kinds) == ["activated", "deactivated"]


def test_taken_role_is_felt_by_every_way_in_with_the_next_request():
    clerk = member(StaffRole.ORDER_CLERK)
    order = place_order(UserFactory())
    ways, page = each_way_in(clerk), f"/api/orders/{order.pk}/"
    before = {name: client.get(page).status_code for name, client in ways.items()}

    answer = client_for(member(StaffRole.ADMIN)).put(path_of(clerk), {"roles": ["catalogue_editor"]})

    assert (answer.status_code, before) == (200, dict.fromkeys(ways, 200))
    # The key lives: it belongs to staff still. But it has its owner's rights, and those reach no orders any more.
    after = {name: client.get(page).status_code for name, client in ways.items()}
    assert after == {"access": 401, "opaque": 401, "cookie": 401, "key": 404}
