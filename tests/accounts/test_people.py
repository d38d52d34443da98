"""What staff see of people, and that looking leaves a trace."""

from base64 import b64encode
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from accounts.audit.models import SecurityEvent
from accounts.models import User
from accounts.people.selectors import people_visible_to, search_people
from tests.admin_pages import address, logged_in, member_of_staff
from tests.clients import client_for
from tests.factories import PASSWORD, UserFactory, buy, place_order

pytestmark = pytest.mark.django_db

ALL, ALIAS, TRAIL = "/api/users/all/", "/api/users/", "/api/users/audit/"


@pytest.fixture
def support() -> User:
    return member_of_staff("accounts.view_user")


@pytest.fixture
def admin() -> User:
    return UserFactory(role=User.Role.ADMIN, is_staff=True)


def one(user: User) -> str:
    return f"/api/users/{user.pk}/"


def found(client, **query) -> set[str]:
    answer = client.get(ALL, query)
    assert answer.status_code == 200, answer.json()
    return {row["id"] for row in answer.json()["results"]}


def ids(*users: User) -> set[str]:
    return {str(user.pk) for user in users}


def kinds(client, **query) -> list[str]:
    answer = client.get(TRAIL, query)
    assert answer.status_code == 200, answer.json()
    return [row["kind"] for row in answer.json()["results"]]


# --- Who may ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [ALL, ALIAS, TRAIL, "one"])
def test_only_staff_with_the_right_may_look_and_others_leave_no_trace(path):
    person = UserFactory()
    path = one(person) if path == "one" else path
    refused = [
        (None, 401),
        (person, 403),
        (UserFactory(role=User.Role.SELLER), 403),
        (member_of_staff("orders.view_order"), 403),
        (UserFactory(role=User.Role.ADMIN, is_staff=False), 403),
    ]

    answers = [(client_for(user).get(path).status_code, expected) for user, expected in refused]

    assert [got for got, _ in answers] == [expected for _, expected in answers]
    assert not SecurityEvent.objects.exists()


def test_customer_who_is_given_the_permission_is_no_staff():
    customer = member_of_staff("accounts.view_user", "accounts.view_securityevent")
    User.objects.filter(pk=customer.pk).update(is_staff=False)

    assert [client_for(customer).get(path).status_code for path in (ALL, TRAIL)] == [403, 403]


def test_support_sees_people_and_not_the_trail(support):
    client = client_for(support)

    assert [client.get(path).status_code for path in (ALL, ALIAS, TRAIL)] == [200, 200, 403]


def test_who_has_power_is_seen_by_administrators_alone(support, admin):
    customer, seller = UserFactory(), UserFactory(role=User.Role.SELLER)
    powerful = [admin, support, UserFactory(is_superuser=True), UserFactory(role=User.Role.ADMIN)]

    assert found(client_for(support)) == ids(customer, seller)
    assert found(client_for(admin)) == ids(customer, seller, *powerful)
    assert {client_for(support).get(one(user)).status_code for user in powerful} == {404}
    assert {client_for(admin).get(one(user)).status_code for user in powerful} == {200}
    assert not SecurityEvent.objects.filter(kind="person_seen", actor=support).exists()


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_is_written_here(admin, method):
    person = UserFactory()
    before = User.objects.values().get(pk=person.pk)

    answers = [getattr(client_for(admin), method)(path, {"role": "admin"}) for path in (ALL, one(person), TRAIL)]

    assert [answer.status_code for answer in answers] == [405] * 3
    assert User.objects.values().get(pk=person.pk) == before


# --- Finding ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["amina", "amina@example.com", "Amina Odhiambo", "ambo am-1"])
def test_words_are_sought_by_the_index(text):
    UserFactory(email=None, username="am-1", first_name="Amina", last_name="Odhiambo")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # a handful of rows is read faster without

    plan = search_people(people_visible_to(User()), text).order_by("-date_joined", "-pk").explain()

    assert "Bitmap Index Scan on user_called_trigrams" in plan


def test_word_does_not_reach_from_one_name_into_the_next(admin):
    UserFactory(email="amina@example.com", username="xavier", first_name="Amina", last_name="Odhiambo")
    nameless = UserFactory(email=None, username="phone-only")

    assert found(client_for(admin), search="comxavier") == set()
    assert found(client_for(admin), search="aminaodhiambo") == set()
    assert found(client_for(admin), search="only phone") == ids(nameless)


def test_people_are_found_by_what_they_are_called(admin):
    amina = UserFactory(
        email="amina@example.com",
        username="am-1",
        first_name="Amina",
        last_name="Odhiambo",
        phone_number="+254712345678",
    )
    UserFactory(email="brian@example.com", username="br-1", first_name="Brian", last_name="Odhiambo")
    client = client_for(admin)

    for text in ("AMINA@", "amina odhiambo", "odhiambo ami", "am-1", "0712 345 678", "+254712345678", "254712345678"):
        assert found(client, search=text) == found(client, q=text) == ids(amina), text
    assert found(client, search="chebet") == set()
    assert found(client, search="%") == set()
    assert found(client, search="' OR 1=1 --") == set()


def test_people_are_filtered(admin):
    now = timezone.now()
    seller = UserFactory(role=User.Role.SELLER, date_joined=now - timedelta(days=10))
    gone = UserFactory(is_active=False, date_joined=now - timedelta(days=5))
    client = client_for(admin)

    assert found(client, role="seller") == ids(seller)
    assert found(client, is_active="false") == ids(gone)
    assert found(client, is_staff="true") == ids(admin)
    assert found(client, joined_before=(now - timedelta(days=7)).isoformat()) == ids(seller)
    assert found(client, joined_after=(now - timedelta(days=7)).isoformat()) == ids(gone, admin)
    assert client.get(ALL, {"sort": "date_joined"}).json()["results"][0]["id"] == str(seller.pk)


@pytest.mark.parametrize(
    "query",
    [{"role": "king"}, {"is_staff": "perhaps"}, {"unknown": "1"}, {"search": "x" * 101}, {"ordering": "password"}],
)
def test_filter_that_cannot_be_is_named(admin, query):
    answer = client_for(admin).get(ALL, query)

    assert (answer.status_code, [row["attr"] for row in answer.json()["errors"]]) == (400, list(query))


@pytest.mark.parametrize("many", [1, 3])
def test_list_costs_the_same_for_many(admin, django_assert_num_queries, many):
    for _ in range(many):
        UserFactory()
    client = client_for(admin)
    client.get(ALL)

    with django_assert_num_queries(4):  # who asks, the count, the page, the trail
        client.get(ALL)


def test_looking_through_people_is_noted_without_the_words(support):
    client_for(support).get(ALL, {"search": "amina@example.com", "role": "customer"})

    event = SecurityEvent.objects.get()
    assert (event.kind, event.actor, event.user, event.details) == (
        "people_listed", support, None, {"filters": ["role", "search"]},
    )  # fmt: skip


# --- Support ----------------------------------------------------------------------------------------------------


def test_support_sees_what_helps_and_no_secret_and_that_is_noted(support, api_client):
    user = UserFactory(email="amina@example.com", email_verified_at=timezone.now())
    api_client.post("/api/auth/login/", {"email": user.email, "password": PASSWORD}, headers={"User-Agent": "Opera"})
    client_for(user).patch("/api/users/profile/", {"language": "sw"})
    buy(user)
    place_order(user)
    place_order(UserFactory())

    answer = client_for(support).get(one(user))

    body = answer.json()
    assert (answer.status_code, body["user"]["email"], body["user"]["phone_verified_at"]) == (200, user.email, None)
    assert (body["has_password"], body["wishes"]["language"], body["session_count"]) == (True, "sw", 2)
    assert [(row["kind"], row["by"], row["ip_address"], row["user_agent"]) for row in body["last_log_ins"]] == [
        ("login", "password", "127.0.0.1", "Opera")
    ]
    assert {name: body["facts"]["orders"][name] for name in ("count", "open")} == {"count": 2, "open": 1}
    assert set(body["facts"]) == {"orders", "payments", "reviews"}
    assert user.password not in answer.content.decode()
    event = SecurityEvent.objects.get(kind="person_seen")
    assert (event.user, event.actor, event.ip_address) == (user, support, "127.0.0.1")


def test_support_sees_how_an_erasure_goes(support, run_owed_work):
    user = UserFactory()
    client_for(user).post("/api/users/erase/", {"password": PASSWORD})

    asked = client_for(support).get(one(user)).json()
    run_owed_work()
    done = client_for(support).get(one(user)).json()

    assert (asked["erasure_asked_at"] is not None, asked["erased_at"], asked["has_password"]) == (True, None, False)
    assert (done["erased_at"] is not None, done["user"]["email"]) == (True, None)


def test_who_is_not_there_is_not_found_and_not_noted(support):
    client = client_for(support)

    assert [client.get(f"/api/users/{text}/").status_code for text in (uuid4(), "me", "1")] == [404, 404, 404]
    assert not SecurityEvent.objects.exists()


# --- The trail --------------------------------------------------------------------------------------------------


def event(kind: str = "login", **fields) -> SecurityEvent:
    return SecurityEvent.objects.create(kind=kind, **fields)


def test_trail_tells_who_what_when_and_from_where(admin):
    user = UserFactory()
    row = event(
        user=user, actor=admin, ip_address="196.201.214.10", user_agent="Opera", request_id="r1", details={"by": "x"}
    )

    (shown,) = client_for(admin).get(TRAIL).json()["results"]

    who = [{"id": str(each.pk), "username": each.username, "email": each.email} for each in (user, admin)]
    assert shown == {
        "id": str(row.pk), "kind": "login", "user": who[0], "actor": who[1], "ip_address": "196.201.214.10",
        "user_agent": "Opera", "request_id": "r1", "details": {"by": "x"},
        "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
    }  # fmt: skip


def test_trail_is_filtered(admin):
    user, other = UserFactory(), UserFactory()
    event("a", user=user, actor=user, ip_address="10.0.0.1", request_id="r1")
    event("b", user=other, actor=user, ip_address="2001:db8::1")
    event("c", user=other, actor=other)
    client, moment = client_for(admin), timezone.now().isoformat()

    assert kinds(client) == ["c", "b", "a"]
    assert kinds(client, kind="b") == ["b"]
    assert kinds(client, user=str(other.pk)) == ["c", "b"]
    assert kinds(client, actor=str(user.pk)) == ["b", "a"]
    assert kinds(client, person=str(user.pk)) == ["b", "a"]
    assert kinds(client, ip_address="2001:DB8:0::1") == ["b"]
    assert kinds(client, request_id="r1") == ["a"]
    assert (kinds(client, since=moment), kinds(client, until=moment)) == ([], ["c", "b", "a"])


@pytest.mark.parametrize(
    "query",
    [
        {"user": "me"},
        {"ip_address": "localhost"},
        {"since": "yesterday"},
        {"page": "2"},
        {"unknown": "1"},
        {"cursor": "x"},
        {"cursor": b64encode(b"p=not-a-moment").decode()},
        {"page_size": "101"},
    ],
)
def test_trail_names_what_it_does_not_understand(admin, query):
    answer = client_for(admin).get(TRAIL, query)

    assert (answer.status_code, [row["attr"] for row in answer.json()["errors"]]) == (400, list(query))


def test_trail_is_read_page_by_page_while_it_grows(admin):
    for number in range(5):
        event(str(number))
    client = client_for(admin)

    first = client.get(TRAIL, {"limit": 2}).json()
    event("newer")
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()

    pages = [[row["kind"] for row in page["results"]] for page in (first, second, third)]
    assert pages == [["4", "3"], ["2", "1"], ["0"]]
    assert (third["next"], "count" in first) == (None, False)


@pytest.mark.parametrize("many", [1, 3])
def test_trail_costs_two_statements(admin, django_assert_num_queries, many):
    for _ in range(many):
        event(user=UserFactory(), actor=UserFactory())
    client = client_for(admin)
    client.get(TRAIL)

    with django_assert_num_queries(2):  # who asks, the page
        client.get(TRAIL)


# --- The admin --------------------------------------------------------------------------------------------------


def test_trail_in_the_admin_is_for_reading():
    person = UserFactory()
    row = event("login", user=person, actor=person, ip_address="10.0.0.7")
    reader = logged_in(member_of_staff("accounts.view_securityevent", "accounts.view_user"))
    other = logged_in(member_of_staff("accounts.view_user"))
    listed, page = address("accounts_securityevent_changelist"), address("accounts_securityevent_change", row)

    shown = [reader.get(path).content.decode() for path in (listed, page, address("accounts_user_change", person))]
    hidden = [other.get(path).status_code for path in (listed, page)]
    written = [
        reader.post(page, {"kind": "x"}).status_code,
        reader.post(f"{page[:-7]}delete/", {"post": "yes"}).status_code,
    ]

    assert ["10.0.0.7" in text for text in shown] == [True, True, True]
    assert hidden == [403, 403]
    assert "10.0.0.7" not in other.get(address("accounts_user_change", person)).content.decode()
    assert written == [403, 403]
    assert SecurityEvent.objects.values_list("kind", flat=True).get() == "login"


# --- Traces of staff --------------------------------------------------------------------------------------------


def test_person_is_told_that_staff_looked_and_not_from_where_and_the_trail_keeps_that(support, admin, run_owed_work):
    user = UserFactory()
    client_for(support).get(one(user), headers={"User-Agent": "support's own"})
    client = client_for(user)

    document = b"".join(client.get("/api/users/export/", headers={"User-Agent": "mine"}).streaming_content).decode()
    client.post("/api/users/erase/", {"password": PASSWORD})
    run_owed_work()

    assert "person_seen" in document
    assert "mine" in document
    assert "support's own" not in document
    assert str(support.pk) not in document
    seen, exported = (SecurityEvent.objects.get(user=user, kind=kind) for kind in ("person_seen", "data_exported"))
    assert (seen.user_agent, seen.actor, exported.user_agent) == ("support's own", support, "")
