"""Currencies over HTTP, and prices shown in one that the reader has chosen."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.utils import timezone

from catalog.currencies.rates import set_rate
from catalog.models import ExchangeRate, Product
from catalog.services import VariantInput
from tests.admin_pages import logged_in, member_of_staff
from tests.clients import client_for
from tests.factories import BrandFactory, ProductFactory, UserFactory

pytestmark = pytest.mark.django_db

CURRENCIES, DOLLAR = "/api/currencies/", "/api/currencies/USD/"
HISTORY, RATES = f"{DOLLAR}history/", f"{DOLLAR}rates/"
PRODUCTS = "/api/products/"
MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHILLING = {
    "code": "KES",
    "name": "Kenyan Shilling",
    "symbol": "KSh",
    "exponent": 2,
    "rate": "1",
    "rate_from": None,
    "stale": False,
    "is_base": True,
}


def errors(answer) -> list[tuple[str, str | None]]:
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


def in_utc(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def dollars(rate: str = "129.50", **fields: object) -> ExchangeRate:
    return set_rate(currency="USD", rate=Decimal(rate), **fields)


# --- Reading --------------------------------------------------------------------------------------------------


def test_shop_without_rates_offers_its_base(api_client):
    answer = api_client.get(CURRENCIES)

    assert answer.status_code == 200
    assert answer.json() == {"count": 1, "next": None, "previous": None, "results": [SHILLING]}


def test_list_shows_every_field_and_the_base_first(api_client):
    old = dollars(valid_from=timezone.now() - timedelta(days=8))
    new = set_rate(currency="BIF", rate=Decimal("0.0435"))

    answer = api_client.get(CURRENCIES)

    assert answer.json()["results"] == [
        SHILLING,
        {
            "code": "BIF",
            "name": "Burundi Franc",
            "symbol": "FBu",
            "exponent": 0,
            "rate": "0.0435",
            "rate_from": in_utc(new.valid_from),
            "stale": False,
            "is_base": False,
        },
        {
            "code": "USD",
            "name": "US Dollar",
            "symbol": "US$",
            "exponent": 2,
            "rate": "129.5",
            "rate_from": in_utc(old.valid_from),
            "stale": True,
            "is_base": False,
        },
    ]


@pytest.mark.parametrize(("stored", "told"), [("100", "100"), ("0.0000000001", "0.0000000001"), ("10.10", "10.1")])
def test_rate_is_a_plain_decimal_string(api_client, stored, told):
    dollars(stored)

    assert api_client.get(DOLLAR).json()["rate"] == told
    assert [row["rate"] for row in api_client.get(HISTORY).json()["results"]] == [told]


def test_list_has_pages_and_knows_no_other_parameter(api_client):
    dollars()

    page = api_client.get(CURRENCIES, {"page_size": 1, "page": 2})
    refused = api_client.get(CURRENCIES, {"code": "USD"})

    assert ([row["code"] for row in page.json()["results"]], page.json()["count"]) == (["USD"], 2)
    assert (refused.status_code, errors(refused)) == (400, [("invalid", "code")])


def test_currency_is_shown_by_its_code(api_client):
    dollars()

    shown, base = api_client.get(DOLLAR), api_client.get(f"{CURRENCIES}KES/")

    assert shown.json() == api_client.get(CURRENCIES).json()["results"][1]
    assert base.json() == SHILLING


@pytest.mark.parametrize("code", ["EUR", "GBP", "usd", "XXX", "x" * 10_000, "😀", "'"])
@pytest.mark.parametrize("more", ["", "history/"])
def test_currency_that_is_not_offered_is_a_404(api_client, settings, code, more):
    settings.CURRENCIES = ["USD", "GBP"]
    dollars()
    set_rate(currency="EUR", rate=Decimal(140))
    set_rate(currency="GBP", rate=Decimal(170), valid_from=timezone.now() + timedelta(hours=1))

    answer = api_client.get(f"{CURRENCIES}{code}/{more}")

    assert (answer.status_code, errors(answer)) == (404, [("not_found", None)])


def test_history_shows_every_field_newest_first_and_in_pages(api_client, staff):
    first = dollars("128", valid_from=MOMENT, source="CBK", actor=staff)
    dollars("129", valid_from=MOMENT + timedelta(days=1))
    dollars("200", valid_from=timezone.now() + timedelta(hours=1))
    set_rate(currency="EUR", rate=Decimal(140), valid_from=MOMENT)

    answer, second = api_client.get(HISTORY), api_client.get(HISTORY, {"page": 2, "page_size": 1})
    refused = api_client.get(HISTORY, {"since": "2026"})

    assert [row["rate"] for row in answer.json()["results"]] == ["129", "128"]
    assert second.json()["count"] == 2
    assert second.json()["results"] == [
        {
            "id": str(first.pk),
            "base": "KES",
            "currency": "USD",
            "rate": "128",
            "valid_from": "2026-03-01T12:00:00Z",
            "source": "CBK",
            "created_at": in_utc(first.created_at),
        }
    ]
    assert (refused.status_code, errors(refused)) == (400, [("invalid", "since")])


def test_base_has_an_empty_history(api_client):
    dollars()

    assert api_client.get(f"{CURRENCIES}KES/history/").json()["results"] == []


@pytest.mark.parametrize("rows", [1, 3])
def test_currencies_take_the_same_statements_for_any_number_of_rows(api_client, django_assert_num_queries, rows):
    for code in ("USD", "EUR", "GBP")[:rows]:
        for day in range(rows):
            set_rate(currency=code, rate=Decimal(130), valid_from=MOMENT + timedelta(days=day))

    with django_assert_num_queries(1):
        listed = api_client.get(CURRENCIES).json()["results"]
    with django_assert_num_queries(3):  # is it offered, count, rates
        history = api_client.get(HISTORY).json()["results"]

    assert (len(listed), len(history)) == (rows + 1, rows)


# --- Who may set a rate ---------------------------------------------------------------------------------------


def nobody():
    return client_for(None)


def customer():
    return client_for(UserFactory())


def customer_with_the_permission():
    user = member_of_staff("catalog.add_exchangerate")
    user.is_staff = False
    user.save(update_fields=["is_staff"])
    return client_for(user)


def staff_without_it():
    return client_for(member_of_staff("catalog.view_exchangerate", "catalog.change_product"))


@pytest.mark.parametrize(
    ("who", "status"),
    [(nobody, 401), (customer, 403), (customer_with_the_permission, 403), (staff_without_it, 403)],
)
@pytest.mark.parametrize("path", [RATES, f"{CURRENCIES}KES/rates/", f"{CURRENCIES}XXX/rates/"])
def test_others_set_no_rate(who, status, path):
    answer = who().post(path, {"rate": "129.50"})

    assert answer.status_code == status
    assert ExchangeRate.objects.count() == 0


@pytest.mark.parametrize("who", [nobody, customer, staff_without_it])
def test_everybody_reads(who):
    dollars()
    client = who()

    assert [client.get(path).status_code for path in (CURRENCIES, DOLLAR, HISTORY)] == [200, 200, 200]


@pytest.mark.parametrize("path", [CURRENCIES, DOLLAR, HISTORY, RATES])
@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_rates_are_never_changed_or_deleted(signed_in_client, staff, path, method):
    row = dollars()

    assert getattr(signed_in_client(staff), method)(path, {"rate": "1"}).status_code == 405
    assert ExchangeRate.objects.get() == row


def test_staff_with_the_permission_set_a_rate(api_client):
    user = member_of_staff("catalog.add_exchangerate")
    before = timezone.now()

    answer = client_for(user).post(RATES, {"rate": "129.50"})

    row = ExchangeRate.objects.get()
    assert (row.base, row.currency, row.rate, row.source, row.created_by) == ("KES", "USD", Decimal("129.5"), "", user)
    assert before <= row.valid_from <= timezone.now()
    assert answer.status_code == 201
    assert answer.json() == api_client.get(HISTORY).json()["results"][0]


def test_session_of_staff_needs_its_csrf_token(staff):
    client = logged_in(staff)
    client.handler.enforce_csrf_checks = True

    answer = client.post(RATES, {"rate": "129.50"}, content_type="application/json")

    assert (answer.status_code, ExchangeRate.objects.count()) == (403, 0)


def test_rate_may_be_given_with_its_moment_and_source(signed_in_client, staff, api_client):
    answer = signed_in_client(staff).post(
        RATES, {"rate": "130", "valid_from": "2126-01-01T03:00:00+03:00", "source": "CBK"}
    )

    assert answer.status_code == 201
    assert (answer.json()["valid_from"], answer.json()["source"]) == ("2126-01-01T00:00:00Z", "CBK")
    assert api_client.get(DOLLAR).status_code == 404  # not yet


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({}, "rate"),
        ({"rate": None}, "rate"),
        *(
            ({"rate": rate}, "rate")
            for rate in (
                *(129.5, 129, True, [], {"rate": "1"}, "", " ", "0", "0.0", "-1", "+1", "1e2", "NaN", "Infinity"),
                *("1,5", "1_000", "١٢٩", "129.", ".5", "1 ", "1\n", "0x10", "0.00000000001", "12345678901", "9" * 5000),
            )
        ),
        *(
            ({"rate": "129.50", "valid_from": moment}, "valid_from")
            for moment in ("", "soon", None, 5, "2026-13-01T00:00:00Z", "2026-02-30", "0001-01-01T00:00:00+14:00")
        ),
        *(({"rate": "129.50", "source": source}, "source") for source in ("x" * 121, None, [], {})),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_rate_is_a_400_that_names_the_field(signed_in_client, staff, body, attr):
    answer = signed_in_client(staff).post(RATES, body)

    assert (answer.status_code, [attr for _, attr in errors(answer)]) == (400, [attr])
    assert ExchangeRate.objects.count() == 0


def test_base_gets_no_rate(signed_in_client, staff):
    answer = signed_in_client(staff).post(f"{CURRENCIES}KES/rates/", {"rate": "1"})

    assert (answer.status_code, errors(answer)) == (400, [("base_has_no_rate", None)])
    assert ExchangeRate.objects.count() == 0


@pytest.mark.parametrize("code", ["XXX", "usd", "US"])
def test_unknown_currency_gets_no_rate(signed_in_client, staff, code):
    assert signed_in_client(staff).post(f"{CURRENCIES}{code}/rates/", {"rate": "1"}).status_code == 404
    assert ExchangeRate.objects.count() == 0


def test_second_rate_of_a_moment_is_a_409(signed_in_client, staff):
    row = dollars(valid_from=MOMENT)

    answer = signed_in_client(staff).post(RATES, {"rate": "131", "valid_from": "2026-03-01T15:00:00+03:00"})

    assert (answer.status_code, errors(answer)) == (409, [("rate_exists", "valid_from")])
    assert ExchangeRate.objects.values_list("pk", "rate").get() == (row.pk, Decimal("129.50"))


# --- Prices shown in another currency -------------------------------------------------------------------------


@pytest.fixture
def phone() -> Product:
    return ProductFactory(
        product_name="Galaxy A15",
        variants=[
            VariantInput("A15-128", Decimal("19999.50"), {"storage": "128GB"}, compare_at_price=Decimal(21000)),
            VariantInput("A15-256", Decimal(24000), {"storage": "256GB"}),
        ],
    )


def prices(row) -> dict[str, str | None]:
    amounts = (name for name in row if "price" in name or "currency" in name)
    return {name: row[name] for name in amounts if name != "price_breaks"}


def test_list_shows_prices_beside_the_true_ones(api_client, phone):
    dollars()

    answer = api_client.get(PRODUCTS, {"currency": "USD"})

    (row,) = answer.json()["results"]
    assert prices(row) == {
        "price": "19999.50",
        "currency": "KES",
        "display_price": "154.44",  # 154.4363…
        "display_currency": "USD",
    }


def test_product_shows_the_prices_of_its_variants(api_client, phone):
    dollars()

    answer = api_client.get(f"{PRODUCTS}{phone.url_key}/", {"currency": "USD"}).json()

    assert prices(answer) == {
        "price": "19999.50",
        "currency": "KES",
        "display_price": "154.44",
        "display_currency": "USD",
    }
    assert [prices(variant) for variant in answer["variants"]] == [
        {
            "price": "19999.50",
            "compare_at_price": "21000.00",
            "display_price": "154.44",
            "display_compare_at_price": "162.16",
            "display_currency": "USD",
        },
        {
            "price": "24000.00",
            "compare_at_price": None,
            "display_price": "185.33",
            "display_compare_at_price": None,
            "display_currency": "USD",
        },
    ]


def test_without_the_parameter_nothing_is_added(api_client, phone):
    dollars()

    listed = api_client.get(PRODUCTS).json()["results"][0]
    shown = api_client.get(f"{PRODUCTS}{phone.pk}/").json()

    assert prices(listed) == prices(shown) == {"price": "19999.50", "currency": "KES"}
    assert [set(prices(variant)) for variant in shown["variants"]] == [{"price", "compare_at_price"}] * 2


def test_only_display_fields_are_added(api_client, phone):
    dollars()

    plain, priced = (api_client.get(f"{PRODUCTS}{phone.pk}/", query).json() for query in ({}, {"currency": "USD"}))

    for before, after in [(plain, priced), *zip(plain.pop("variants"), priced.pop("variants"), strict=True)]:
        assert {name: value for name, value in after.items() if not name.startswith("display_")} == before


def test_base_and_stale_rates_are_shown_too(api_client, phone):
    set_rate(currency="UGX", rate=Decimal("0.0353"), valid_from=MOMENT - timedelta(days=400))

    def shown(code):
        return api_client.get(PRODUCTS, {"currency": code}).json()["results"][0]["display_price"]

    assert (shown("KES"), shown("UGX")) == ("19999.50", "566558.00")


def test_product_of_another_currency_is_converted_and_one_without_a_rate_is_not(api_client):
    dollars()
    set_rate(currency="EUR", rate=Decimal("141.50"))
    for name, currency in (("Euro", "EUR"), ("Pound", "GBP"), ("Dollar", "USD"), ("Krona", "ISK")):
        ProductFactory(product_name=name, price=Decimal(100), currency=currency)

    answer = api_client.get(PRODUCTS, {"currency": "USD"}).json()

    assert {row["product_name"]: (row["display_price"], row["display_currency"]) for row in answer["results"]} == {
        "Euro": ("109.27", "USD"),
        "Pound": (None, "USD"),
        "Dollar": ("100.00", "USD"),
        "Krona": (None, "USD"),
    }


@pytest.mark.parametrize("code", ["", "EUR", "GBP", "usd", "XXX", "USD,KES", "USD\x00", "x" * 10_000, "😀"])
@pytest.mark.parametrize("detail", [False, True])
def test_currency_that_is_not_offered_is_a_400_that_names_the_parameter(api_client, settings, phone, code, detail):
    settings.CURRENCIES = ["USD", "GBP"]
    dollars()
    set_rate(currency="EUR", rate=Decimal(140))

    answer = api_client.get(f"{PRODUCTS}{phone.pk}/" if detail else PRODUCTS, {"currency": code})

    assert answer.status_code == 400
    if "\x00" not in code:
        (error,) = answer.json()["errors"]
        assert error == {"code": "invalid", "detail": "Prices are shown in: KES, USD.", "attr": "currency"}


def test_filters_and_ordering_stay_with_the_true_price(api_client):
    dollars()
    set_rate(currency="EUR", rate=Decimal(141))
    for name, price, currency in (("Cable", 300, "KES"), ("Phone", 200, "EUR"), ("Case", 500, "KES")):
        ProductFactory(product_name=name, price=Decimal(price), currency=currency)

    answer = api_client.get(
        PRODUCTS, {"currency": "USD", "price_max": "400", "ordering": "price", "page_size": 1}
    ).json()

    assert ([row["product_name"] for row in answer["results"]], answer["count"]) == (["Phone"], 2)
    assert dict(parse_qsl(urlsplit(answer["next"]).query))["currency"] == "USD"


@pytest.mark.parametrize("path", ["/api/categories/", "/api/brands/", CURRENCIES])
def test_other_lists_do_not_know_the_parameter(api_client, path):
    answer = api_client.get(path, {"currency": "KES"})

    assert (answer.status_code, errors(answer)) == (400, [("invalid", "currency")])


@pytest.mark.parametrize("rows", [1, 3, 10])
def test_prices_shown_take_one_statement_for_any_number_of_rows(api_client, django_assert_num_queries, rows):
    for code in ("USD", "EUR", "UGX"):
        set_rate(currency=code, rate=Decimal(130))
    for n in range(rows):
        variants = [VariantInput(f"L{n}-{m}", Decimal(100), {"m": str(m)}, stock=1) for m in range(rows)]
        product = ProductFactory(brand=BrandFactory(), currency=("KES", "EUR", "UGX")[n % 3], variants=variants)

    with django_assert_num_queries(2):  # rates, products
        listed = api_client.get(PRODUCTS, {"currency": "USD"}).json()["results"]
    with django_assert_num_queries(3):  # rates, product, has everybody a price list
        shown = api_client.get(f"{PRODUCTS}{product.pk}/", {"currency": "USD"}).json()

    assert None not in {row["display_price"] for row in [*listed, shown, *shown["variants"]]}
    assert (len(listed), len(shown["variants"])) == (rows, rows)
