"""The address book: whose it is, its defaults, what an address must say, and ordering by it."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from accounts.addresses import MOST_ADDRESSES
from accounts.addresses.models import Address
from accounts.models import User
from orders.models import Cart, Order
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory
from tests.racing import at_once

pytestmark = pytest.mark.django_db

BOOK = "/api/users/addresses/"
NAIROBI = {
    "label": "Home",
    "recipient": "Wanjiku",
    "phone_number": "0712 345 678",
    "county": "nairobi county",
    "sub_county": "WESTLANDS",
    "estate": "Kangemi",
    "landmark": "behind the Total station",
}


def address(user: User, **fields) -> Address:
    return Address.objects.create(user=user, **{"county": "Nairobi", "estate": "Kangemi"} | fields)


def one(row: Address) -> str:
    return f"{BOOK}{row.pk}/"


def rows(user: User) -> list[dict]:
    return list(Address.objects.filter(user=user).order_by("pk").values())


def codes(answer) -> list[tuple[str, str]]:
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


def defaults(user: User, name: str = "is_default_shipping") -> list:
    return list(Address.objects.filter(user=user, **{name: True}).values_list("label", flat=True))


# --- Keeping it -------------------------------------------------------------------------------------------------


def test_address_is_kept_in_official_names_and_is_the_first_default():
    user = UserFactory()

    answer = client_for(user).post(BOOK, NAIROBI)

    row = Address.objects.get()
    assert (answer.status_code, row.user_id) == (201, user.pk)
    assert answer.json() == {
        "id": str(row.pk),
        "label": "Home",
        "recipient": "Wanjiku",
        "phone_number": "+254712345678",
        "county": "Nairobi",
        "sub_county": "Westlands",
        "town": "",
        "estate": "Kangemi",
        "landmark": "behind the Total station",
        "line1": "",
        "line2": "",
        "rider_note": "",
        "country": "KE",
        "postal_code": "",
        "is_default_shipping": True,
        "is_default_billing": True,
        "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
        "updated_at": row.updated_at.isoformat().replace("+00:00", "Z"),
    }
    assert client_for(user).get(f"{BOOK}{row.pk}/").json() == answer.json()


def test_first_address_that_wants_to_be_no_default_is_none():
    user = UserFactory()

    client_for(user).post(BOOK, NAIROBI | {"is_default_billing": False})

    assert (defaults(user), defaults(user, "is_default_billing")) == (["Home"], [])


def test_patch_changes_what_is_sent_and_put_empties_the_rest():
    user = UserFactory()
    row = address(user, label="Home", is_default_shipping=True, landmark="market")
    client = client_for(user)

    patched = client.patch(one(row), {"landmark": "the blue kiosk"})
    replaced = client.put(one(row), {"county": "Mombasa"})

    assert (patched.status_code, replaced.status_code) == (200, 200)
    assert {name: patched.json()[name] for name in ("label", "landmark", "is_default_shipping")} == {
        "label": "Home", "landmark": "the blue kiosk", "is_default_shipping": True,
    }  # fmt: skip
    shown = ("label", "landmark", "county", "estate", "is_default_shipping")
    assert [replaced.json()[name] for name in shown] == ["", "", "Mombasa", "", False]


def test_deleting_a_default_leaves_none_and_twice_is_not_found():
    user = UserFactory()
    row, other = address(user, is_default_shipping=True), address(user)
    client = client_for(user)

    assert [client.delete(one(row)).status_code, client.delete(one(row)).status_code] == [204, 404]
    assert list(Address.objects.values_list("pk", flat=True)) == [other.pk]
    assert defaults(user) == []


@pytest.mark.parametrize("many", [1, 3])
def test_list_costs_the_same_however_many_there_are(django_assert_num_queries, many):
    user = UserFactory()
    made = [address(user, label=str(number)) for number in range(many)]
    Address.objects.filter(pk=made[0].pk).update(is_default_shipping=True)
    client = client_for(user)
    client.get(BOOK)  # the user is found by a prepared statement, which is made once

    with django_assert_num_queries(3):  # the user, the count, the page
        shown = client.get(BOOK).json()["results"]

    assert [row["label"] for row in shown] == ["0", *[str(number) for number in range(many - 1, 0, -1)]]


# --- What it must say -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"label": "Nowhere"}, [("required", "county")]),
        ({"county": "Kampala"}, [("unknown_county", "county")]),
        ({"county": "Nairobi", "sub_county": "Ruiru"}, [("sub_county_elsewhere", "sub_county")]),
        ({"country": "GB", "town": "Leeds", "line1": "1 High St"}, [("required", "postal_code")]),
        ({"country": "XX", "county": "Nairobi"}, [("unknown_country", "country")]),
        ({"county": "Nairobi", "phone_number": "12"}, [("invalid_phone_number", "phone_number")]),
        ({"county": "Nairobi", "label": "x" * 61}, [("max_length", "label")]),
        ({"county": "Nairobi", "is_default_shipping": "perhaps"}, [("invalid", "is_default_shipping")]),
        ({"county": "Nairobi", "landmark": "a\x00b"}, None),
        ({"county": "Nairobi", "landmark": "x" * 1_000_000}, None),
    ],
)
def test_address_that_cannot_be_is_refused_and_nothing_is_kept(body, expected):
    user = UserFactory()
    row = address(user, label="Home", is_default_shipping=True)
    before, client = rows(user), client_for(user)

    answers = [client.post(BOOK, body), client.put(one(row), body)]

    assert all(answer.status_code in (400, 413) for answer in answers)
    assert expected is None or [codes(answer) for answer in answers] == [expected, expected]
    assert rows(user) == before


def test_patch_is_checked_with_what_stays():
    user = UserFactory()
    row = address(user, sub_county="Westlands")
    before = rows(user)

    answer = client_for(user).patch(one(row), {"county": "Mombasa"})

    assert (answer.status_code, codes(answer)) == (400, [("sub_county_elsewhere", "sub_county")])
    assert rows(user) == before


def test_book_has_an_end():
    user = UserFactory()
    Address.objects.bulk_create(Address(user=user, county="Nairobi") for _ in range(MOST_ADDRESSES))

    answer = client_for(user).post(BOOK, NAIROBI)

    assert (answer.status_code, codes(answer)) == (409, [("too_many_addresses", None)])
    assert Address.objects.count() == MOST_ADDRESSES


# --- Whose it is ------------------------------------------------------------------------------------------------


def test_somebody_elses_address_is_not_there_for_anything():
    owner, other = UserFactory(), UserFactory(is_staff=True)
    row = address(owner, label="Home", is_default_shipping=True)
    before, client = rows(owner), client_for(other)

    answers = [
        client.get(one(row)),
        client.put(one(row), NAIROBI),
        client.patch(one(row), {"label": "Mine"}),
        client.delete(one(row)),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert client.get(BOOK).json()["results"] == []
    assert rows(owner) == before


def test_owner_cannot_be_given_in_the_body():
    owner, other = UserFactory(), UserFactory()

    answer = client_for(owner).post(BOOK, NAIROBI | {"user": str(other.pk), "id": str(uuid4())})

    assert answer.status_code == 201
    assert (len(rows(owner)), rows(other)) == (1, [])


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_has_no_book(api_client, method):
    assert getattr(api_client, method)(BOOK, NAIROBI).status_code == 401
    assert not Address.objects.exists()


def test_address_that_is_no_id_is_not_found():
    assert client_for(UserFactory()).get(f"{BOOK}home/").status_code == 404


# --- Defaults ---------------------------------------------------------------------------------------------------


def test_another_default_takes_the_place_of_the_first_and_touches_nobody_elses():
    user, other = UserFactory(), UserFactory()
    first = address(user, label="first", is_default_shipping=True, is_default_billing=True)
    second = address(user, label="second")
    address(other, label="theirs", is_default_shipping=True)

    answer = client_for(user).patch(one(second), {"is_default_shipping": True})

    assert answer.status_code == 200
    assert (defaults(user), defaults(user, "is_default_billing"), defaults(other)) == (
        ["second"],
        ["first"],
        ["theirs"],
    )
    first.refresh_from_db()
    assert first.is_default_billing


@pytest.mark.parametrize("name", ["is_default_shipping", "is_default_billing"])
def test_database_itself_allows_one_default(name):
    user = UserFactory()
    address(user, **{name: True})

    with pytest.raises(IntegrityError), transaction.atomic():
        address(user, **{name: True})

    assert Address.objects.filter(user=user).count() == 1


@pytest.mark.django_db(transaction=True)
def test_switching_the_default_at_once_leaves_exactly_one():
    user = UserFactory()
    made = [address(user, label=str(number)) for number in range(6)]
    client = client_for(user)

    answers = at_once(
        [
            lambda row=row: client.patch(one(row), {"is_default_shipping": True, "is_default_billing": True})
            for row in made
        ]
    )

    assert {answer.status_code for answer in answers} == {200}
    assert (len(defaults(user)), len(defaults(user, "is_default_billing"))) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_adding_at_once_does_not_pass_the_end_of_the_book():
    user = UserFactory()
    Address.objects.bulk_create(Address(user=user, county="Nairobi") for _ in range(MOST_ADDRESSES - 2))
    client = client_for(user)

    answers = at_once([lambda: client.post(BOOK, NAIROBI | {"is_default_shipping": True})] * 6)

    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409, 409]
    assert (Address.objects.count(), len(defaults(user))) == (MOST_ADDRESSES, 1)


# --- Ordering by it ---------------------------------------------------------------------------------------------

CONFIRM, SHIPPING, ORDERS = "/api/cart/checkout/confirm/", "/api/cart/checkout/shipping/", "/api/orders/"
KEPT = {"recipient": "Wanjiku", "county": "Nairobi", "estate": "Kangemi", "country": "KE"}


def full_cart(client) -> None:
    client.post("/api/cart/items/", {"product_id": str(ProductFactory().pk), "quantity": 1})


def direct(client, **told):
    item = {"product_id": str(ProductFactory().pk), "quantity": 1}
    return client.post(ORDERS, {"items": [item], **told}, headers={"Idempotency-Key": "the-same-key-twice"})


def test_order_goes_to_an_address_of_the_book_and_keeps_its_own_copy():
    user = UserFactory()
    row = address(user, label="Home", recipient="Wanjiku")
    client = client_for(user)
    full_cart(client)

    told = client.post(SHIPPING, {"address_id": str(row.pk)})
    placed = client.post(CONFIRM, {})
    client.patch(one(row), {"recipient": "Somebody else"})

    assert (told.status_code, placed.status_code) == (200, 201)
    assert Order.objects.get().shipping_address == KEPT


def test_last_step_and_direct_orders_take_an_address_of_the_book():
    user = UserFactory()
    row = address(user, recipient="Wanjiku")
    client = client_for(user)
    full_cart(client)

    answers = [client.post(CONFIRM, {"address_id": str(row.pk)}), direct(client, address_id=str(row.pk))]

    assert [answer.json()["shipping_address"] for answer in answers] == [KEPT, KEPT]


def test_repeated_order_finds_its_answer_though_the_address_is_gone():
    user = UserFactory()
    row = address(user)
    client = client_for(user)
    body = {"items": [{"product_id": str(ProductFactory().pk), "quantity": 1}], "address_id": str(row.pk)}

    first = client.post(ORDERS, body, headers={"Idempotency-Key": "one"})
    client.delete(one(row))
    again = client.post(ORDERS, body, headers={"Idempotency-Key": "one"})

    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert Order.objects.count() == 1


@pytest.mark.parametrize("is_guest", [True, False])
def test_somebody_elses_address_is_unknown_to_the_checkout(is_guest):
    row = address(UserFactory())
    client = client_for(None if is_guest else UserFactory())
    full_cart(client)
    told = {"address_id": str(row.pk), "phone_number": "0712345678"}
    version = Cart.objects.get().version

    answers = [client.post(SHIPPING, told), client.post(CONFIRM, told)]
    if not is_guest:
        answers.append(direct(client, **told))

    assert [(answer.status_code, codes(answer)) for answer in answers] == [
        (400, [("address_unknown", "address_id")])
    ] * len(answers)
    assert not Order.objects.exists()
    assert (Cart.objects.get().version, Cart.objects.get().items.count()) == (version, 1)


def test_address_is_given_once():
    user = UserFactory()
    row = address(user)

    answer = direct(client_for(user), address_id=str(row.pk), shipping_address={"county": "Mombasa"})

    assert (answer.status_code, codes(answer)) == (400, [("address_given_twice", "address_id")])
    assert not Order.objects.exists()
