"""Keys for integrations."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import tokens
from accounts.api_keys import services
from accounts.api_keys.models import ApiKey
from accounts.api_keys.scopes import Scope
from accounts.audit.models import SecurityEvent
from accounts.models import User
from tests.accounts.ways_in import in_the_admin, with_header, with_old_log_in, with_token
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order, variant_of

KEYS = "/api/auth/api-keys/"
ORDERS = "/api/orders/"
EVERY_SCOPE = [scope.value for scope in Scope]

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(db: None) -> User:
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_order", "change_order")))
    return user


@pytest.fixture
def seller(db: None) -> User:
    return UserFactory(role=User.Role.SELLER)


def make(owner: User, *scopes: str, **body: Any) -> str:
    """Make a key as a client does; return its text."""
    answer = client_for(owner).post(KEYS, {"name": "Integration", "scopes": list(scopes), **body})
    assert answer.status_code == 201, answer.json()
    text: str = answer.json()["key"]
    return text


def with_key(text: str) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_X_API_KEY=text)
    return client


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def test_made_key_is_shown_once_and_kept_as_its_hash(clerk):
    answer = client_for(clerk).post(KEYS, {"name": "Warehouse", "scopes": ["stock:write", "orders:read"], "days": 7})

    key = ApiKey.objects.get()
    made = answer.json()
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    assert made == {
        "id": str(key.pk),
        "name": "Warehouse",
        "prefix": made["key"][:11],
        "scopes": ["orders:read", "stock:write"],
        "created_at": made["created_at"],
        "expires_at": made["expires_at"],
        "last_used_at": None,
        "key": made["key"],
    }
    assert (key.user, key.key_hash) == (clerk, hashlib.sha256(made["key"].encode()).hexdigest())
    assert key.expires_at - key.created_at == pytest.approx(timedelta(days=7), abs=timedelta(seconds=5))
    listed = client_for(clerk).get(KEYS).json()["results"]
    assert listed == [{name: value for name, value in made.items() if name != "key"}]
    entry = SecurityEvent.objects.get(kind="api_key_made")
    assert (entry.user, entry.actor) == (clerk, clerk)
    assert entry.details == {"key": str(key.pk), "scopes": ["orders:read", "stock:write"], "days": 7}


@pytest.mark.parametrize("header", ["X-API-Key: {}", "Authorization: Api-Key {}", "Authorization: api-key {}"])
def test_key_acts_for_its_owner_within_its_scope(clerk, header):
    order = place_order(UserFactory())
    name, _, value = header.format(make(clerk, "orders:read")).partition(": ")
    client = APIClient(raise_request_exception=False)
    client.credentials(**{f"HTTP_{name.upper().replace('-', '_')}": value})

    assert client.get(f"{ORDERS}{order.pk}/").status_code == 200
    assert refusal(client.post(f"{ORDERS}{order.pk}/cancel/", {"reason": "customer_request"})) == (403, "scope_missing")
    order.refresh_from_db()
    assert order.status == "pending"


def test_key_of_a_write_scope_writes(clerk):
    order = place_order(UserFactory())
    answer = with_key(make(clerk, "orders:write")).post(f"{ORDERS}{order.pk}/cancel/", {})
    assert answer.status_code == 200
    order.refresh_from_db()
    assert order.status == "cancelled"


def test_key_never_has_more_rights_than_its_owner(clerk, seller):
    theirs = place_order(UserFactory())
    product = ProductFactory()
    of_seller = with_key(make(seller, *EVERY_SCOPE))
    of_clerk = with_key(make(clerk, *EVERY_SCOPE))

    assert of_seller.get(f"{ORDERS}{theirs.pk}/").status_code == 404
    assert of_seller.get("/api/payments/ledger/").status_code == 403
    body = {"adjustments": [{"variant_id": str(variant_of(product).pk), "quantity": 5, "reason": "found"}]}
    assert of_clerk.post("/api/stock/adjust/", body).status_code == 403
    assert variant_of(product).stock_level.on_hand == 10


def test_rights_that_its_owner_loses_are_gone_with_the_next_request(clerk):
    order = place_order(UserFactory())
    client = with_key(make(clerk, "orders:read"))
    before = client.get(f"{ORDERS}{order.pk}/").status_code
    clerk.user_permissions.clear()

    assert (before, client.get(f"{ORDERS}{order.pk}/").status_code) == (200, 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/api/users/profile/"), ("patch", "/api/users/profile/"), ("get", "/api/auth/sessions/"),
        ("delete", "/api/auth/sessions/"), ("post", "/api/auth/token/"), ("post", KEYS), ("get", KEYS),
        ("post", "/api/auth/logout/"), ("get", "/api/cart/"), ("get", "/api/wishlist/"), ("post", "/api/payments/"),
        ("post", "/api/payments/refund/"), ("get", "/api/customer-groups/"), ("get", "/api/coupons/"),
    ],
)  # fmt: skip
def test_operation_without_a_scope_refuses_every_key(staff, method, path):
    client = with_key(make(staff, *EVERY_SCOPE))
    rows = User.objects.values(), ApiKey.objects.values("pk", "revoked_at")
    before = [list(each) for each in rows]

    answer = getattr(client, method)(path, {"first_name": "X", "everywhere": True})

    assert refusal(answer) == (403, "scope_missing")
    assert [list(each.all()) for each in rows] == before


def test_key_check_is_one_statement(clerk):
    client = with_key(make(clerk, "catalogue:read"))
    client.get("/api/products/suggest/", {"q": "x"})  # notes the use
    with CaptureQueriesContext(connection) as asked:
        client.get("/api/shipping/counties/")  # a scope that is missing: nothing but the check runs
    assert len(asked) == 1


def test_use_is_written_down_once_a_minute(clerk):
    client = with_key(make(clerk, "orders:read"))
    client.get(ORDERS)
    first = ApiKey.objects.get().last_used_at
    client.get(ORDERS)
    again = ApiKey.objects.get().last_used_at
    ApiKey.objects.update(last_used_at=first - timedelta(seconds=70))
    client.get(ORDERS)

    assert first is not None
    assert again == first
    assert ApiKey.objects.get().last_used_at > first


@pytest.mark.parametrize(
    "change",
    [
        str.upper, lambda text: text[:-1], lambda text: text + "0", lambda text: "", lambda text: text[12:],
        lambda text: text[:12] + "0" * 40, lambda text: f"{text} {text}", lambda text: "a" * 1_000_000,
        lambda text: text + "\x00", lambda text: "é" * 52, lambda text: hashlib.sha256(text.encode()).hexdigest(),
    ],
)  # fmt: skip
def test_anything_but_the_key_is_a_401(clerk, change):
    text = make(clerk, "orders:read")
    for client in (with_key(change(text)), with_header(f"Api-Key {change(text)}")):
        assert refusal(client.get(ORDERS)) == (401, "invalid_api_key")
    assert with_key(text).get(ORDERS).status_code == 200


def test_bad_key_beside_a_good_one_in_the_other_header_is_a_401(clerk):
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_X_API_KEY=make(clerk, "orders:read"), HTTP_AUTHORIZATION="Api-Key bm_rubbish")
    assert client.get(ORDERS).status_code == 401


@pytest.mark.parametrize("end", ["ended", "expired", "inactive", "demoted", "deleted"])
def test_key_that_is_over_is_a_401(clerk, end):
    client = with_key(make(clerk, "orders:read"))
    before = client.get(ORDERS).status_code
    if end == "ended":
        key = ApiKey.objects.get()
        assert client_for(clerk).delete(f"{KEYS}{key.pk}/").status_code == 204
        assert SecurityEvent.objects.get(kind="api_key_ended").details == {"key": str(key.pk)}
        assert client_for(clerk).get(f"{KEYS}{key.pk}/").status_code == 404
    elif end == "expired":
        ApiKey.objects.update(expires_at=timezone.now())
    elif end == "inactive":
        User.objects.update(is_active=False)
    elif end == "demoted":
        User.objects.update(is_staff=False)
    else:
        clerk.delete()

    assert before == 200
    assert refusal(client.get(ORDERS)) == (401, "invalid_api_key")


def test_key_outlives_a_log_out_everywhere(clerk):
    client = with_key(make(clerk, "orders:read"))
    tokens.end_all_sessions(clerk)
    assert client.get(ORDERS).status_code == 200


def test_customer_may_not_hold_keys(api_client, customer):
    body = {"name": "Mine", "scopes": ["orders:read"]}
    assert client_for(customer).post(KEYS, body).status_code == 403
    assert client_for(customer).get(KEYS).status_code == 403
    assert api_client.post(KEYS, body).status_code == 401
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("way_in", [with_token, with_old_log_in])
def test_making_a_key_takes_a_fresh_log_in(clerk, way_in):
    answer = way_in(clerk).post(KEYS, {"name": "Mine", "scopes": ["orders:read"]})
    assert refusal(answer) == (403, "fresh_log_in_required")
    assert not ApiKey.objects.exists()


def test_someone_elses_key_is_a_404_and_stays(clerk, staff):
    text = make(clerk, "orders:read")
    path = f"{KEYS}{ApiKey.objects.get().pk}/"

    assert client_for(staff).get(path).status_code == 404
    assert client_for(staff).delete(path).status_code == 404

    assert client_for(staff).get(KEYS).json()["results"] == []
    assert with_key(text).get(ORDERS).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"scopes": []}, {"scopes": ["payments:write"]}, {"scopes": ["*"]}, {"scopes": "orders:read"}, {"scopes": None},
        {"scopes": ["orders:read"] * 50}, {"name": ""}, {"name": "x" * 81}, {"days": 0},
        {"days": 366}, {"days": "x"}, {"days": 10**30},
    ],
)  # fmt: skip
def test_key_that_makes_no_sense_is_a_400(clerk, change):
    answer = client_for(clerk).post(KEYS, {"name": "Mine", "scopes": ["orders:read"], **change})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"].split(".")[0] == next(iter(change))
    assert not ApiKey.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_keys_made_at_once_stay_within_the_limit(rf, together):
    owner = UserFactory(is_staff=True)

    def make_one() -> Any:
        return services.make_key(owner, name="x", scopes=["orders:read"], days=1, request=rf.post(KEYS))

    for _ in range(services.MOST - 1):
        make_one()
    answers = together(*[make_one] * 5)

    assert ApiKey.objects.count() == services.MOST
    assert sorted(getattr(each, "code", "made") for each in answers) == ["made"] + ["too_many_api_keys"] * 4


def test_each_key_has_a_limit_of_its_own(clerk, settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"api_key": "2/3600", "user": "1000/3600"}
    first, second = with_key(make(clerk, "orders:read")), with_key(make(clerk, "orders:read"))

    assert [first.get(ORDERS).status_code for _ in range(3)] == [200, 200, 429]
    assert (second.get(ORDERS).status_code, client_for(clerk).get(ORDERS).status_code) == (200, 200)


def test_superusers_end_keys_in_the_admin_and_other_staff_do_not_see_them(clerk, staff):
    text = make(clerk, "orders:read")
    key = ApiKey.objects.get()
    end = f"/admin/accounts/apikey/{key.pk}/end/"
    clerk.user_permissions.add(*Permission.objects.filter(content_type__model="apikey"))
    page = in_the_admin(staff).get(f"/admin/accounts/apikey/{key.pk}/change/").content.decode()

    assert key.prefix in page
    assert key.key_hash not in page
    assert in_the_admin(clerk).get("/admin/accounts/apikey/").status_code == 403
    assert in_the_admin(clerk).post(end).status_code == 403
    assert with_key(text).get(ORDERS).status_code == 200
    assert in_the_admin(staff).post(end).status_code == 302
    assert with_key(text).get(ORDERS).status_code == 401
    entry = SecurityEvent.objects.get(kind="api_key_ended")
    assert (entry.user, entry.actor) == (clerk, staff)
