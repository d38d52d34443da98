"""Rates with their history, and amounts turned from one currency into another."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from catalog.currencies.conversion import Conversion, ShownIn, convert
from catalog.currencies.exceptions import BaseHasNoRate, RateExists, RateUnavailable
from catalog.currencies.rates import RateTable, offered_currencies, rate_at, rate_history, rate_table, set_rate
from catalog.models import ExchangeRate
from ecommerce.currencies import ISO_4217, UnknownCurrency

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def history(**days: str) -> list[ExchangeRate]:
    """Set rates of the dollar: ``d1="129.50"`` is in force from the first day after ``NOON`` on."""
    return [
        set_rate(currency="USD", rate=Decimal(rate), valid_from=NOON + int(day[1:]) * DAY) for day, rate in days.items()
    ]


# --- The table ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"rate": Decimal(0)}, "exchange_rate_positive"),
        ({"rate": Decimal("-1.5")}, "exchange_rate_positive"),
        ({"rate": Decimal("0.00000000001")}, "exchange_rate_positive"),  # nothing, at ten places
        ({"currency": "KES"}, "exchange_rate_between_two_codes"),
        ({"currency": "usd"}, "exchange_rate_between_two_codes"),
        ({"currency": "US"}, "exchange_rate_between_two_codes"),
        ({"currency": "US\n"}, "exchange_rate_between_two_codes"),
        ({"base": ""}, "exchange_rate_between_two_codes"),
        ({}, "exchange_rate_once_per_moment"),
    ],
)
def test_database_refuses_what_is_no_rate(fields, constraint):
    history(d0="129.50")

    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        ExchangeRate.objects.create(
            **{"base": "KES", "currency": "USD", "rate": Decimal(130), "valid_from": NOON} | fields
        )

    assert constraint in str(refusal.value)
    assert ExchangeRate.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change", [lambda rows: rows.update(rate=1), lambda rows: rows.delete(), lambda rows: rows.update(source="x")]
)
def test_database_refuses_to_change_or_delete_a_rate(change):
    (row,) = history(d0="129.50")

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        change(ExchangeRate.objects.filter(pk=row.pk))

    assert ExchangeRate.objects.values_list("rate", "source").get() == (Decimal("129.50"), "")


@pytest.mark.django_db
def test_same_moment_serves_another_currency_and_another_base(settings):
    history(d0="129.50")

    set_rate(currency="EUR", rate=Decimal(140), valid_from=NOON)
    settings.BASE_CURRENCY = "UGX"
    set_rate(currency="USD", rate=Decimal(3600), valid_from=NOON)

    assert ExchangeRate.objects.count() == 3


def test_rate_reads_as_a_sentence():
    rate = ExchangeRate(base="KES", currency="USD", rate=Decimal("100.0000000000"))

    assert str(rate) == "1 USD = KES 100"


# --- Setting a rate -------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_set_rate_keeps_who_when_and_whose(staff):
    row = set_rate(currency="USD", rate=Decimal("129.1234567891"), valid_from=NOON, source="CBK", actor=staff)

    stored = ExchangeRate.objects.values("id", "base", "currency", "rate", "valid_from", "source", "created_by").get()
    assert stored == {
        "id": row.pk,
        "base": "KES",
        "currency": "USD",
        "rate": Decimal("129.1234567891"),
        "valid_from": NOON,
        "source": "CBK",
        "created_by": staff.pk,
    }


@pytest.mark.django_db
def test_rate_without_a_moment_is_in_force_at_once():
    before = timezone.now()

    row = set_rate(currency="USD", rate=Decimal(130))

    assert before <= row.valid_from <= timezone.now()
    assert rate_at("USD") == row


@pytest.mark.django_db
def test_second_rate_of_a_moment_is_refused():
    history(d0="129.50")

    with pytest.raises(RateExists) as refusal:
        set_rate(currency="USD", rate=Decimal(130), valid_from=NOON)

    assert [(row.code, row.attr) for row in refusal.value.rows] == [("rate_exists", "valid_from")]
    assert ExchangeRate.objects.values_list("rate", flat=True).get() == Decimal("129.50")


@pytest.mark.django_db(transaction=True)
def test_two_rates_of_a_moment_set_at_once_leave_one(together):
    def attempt(rate):
        return lambda: set_rate(currency="USD", rate=Decimal(rate), valid_from=NOON)

    results = together(*(attempt(rate) for rate in (128, 129, 130)))

    (kept,) = ExchangeRate.objects.all()
    assert [result for result in results if not isinstance(result, RateExists)] == [kept]


@pytest.mark.django_db
@pytest.mark.parametrize(("currency", "refusal"), [("KES", BaseHasNoRate), ("XXX", UnknownCurrency)])
def test_base_and_unknown_currencies_get_no_rate(currency, refusal):
    with pytest.raises(refusal):
        set_rate(currency=currency, rate=Decimal(1))

    assert ExchangeRate.objects.count() == 0


# --- Reading rates --------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("moment", "rate"),
    [
        (NOON - timedelta(microseconds=1), None),
        (NOON, 128),
        (NOON + DAY - timedelta(microseconds=1), 128),
        (NOON + DAY, 129),
        (NOON + 2 * DAY, 130),
        (NOON + 9 * DAY, 130),
    ],
)
def test_rate_of_a_moment_is_the_newest_at_or_before_it(moment, rate):
    history(d2="130", d0="128", d1="129")  # the order of entry means nothing
    set_rate(currency="EUR", rate=Decimal(140), valid_from=NOON - DAY)

    found = rate_at("USD", moment)

    assert (found and found.rate) == rate


@pytest.mark.django_db
def test_rates_of_another_base_are_not_used(settings):
    history(d0="129.50")
    settings.BASE_CURRENCY = "UGX"

    assert rate_at("USD") is None
    assert [currency.code for currency in offered_currencies()] == ["UGX"]
    assert list(rate_history("USD")) == []


@pytest.mark.django_db
def test_all_rates_are_read_in_one_statement(django_assert_num_queries):
    for code in ("USD", "EUR", "UGX"):
        for day in range(3):
            set_rate(currency=code, rate=Decimal(100 + day), valid_from=NOON + day * DAY)

    with django_assert_num_queries(1):
        table = rate_table(at=NOON + DAY)

    assert {code: row.rate for code, row in table.rows.items()} == dict.fromkeys(("USD", "EUR", "UGX"), 101)


@pytest.mark.django_db
def test_base_alone_needs_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        table = rate_table(["KES"])

    assert (table.rate_of("KES"), table.rate_of("USD")) == (1, None)


@pytest.mark.django_db
def test_history_is_newest_first_and_tells_nothing_of_the_future():
    past = history(d0="128", d1="129")
    set_rate(currency="USD", rate=Decimal(200), valid_from=timezone.now() + HOUR)
    set_rate(currency="EUR", rate=Decimal(140), valid_from=NOON)

    assert list(rate_history("USD")) == past[::-1]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("chosen", "offered"),
    [([], ["KES", "EUR", "USD"]), (["USD", "GBP"], ["KES", "USD"]), (["KES"], ["KES"]), (["GBP"], ["KES"])],
)
def test_currencies_with_a_rate_are_offered_unless_the_setting_names_some(settings, chosen, offered):
    settings.CURRENCIES = chosen
    for code in ("USD", "EUR"):
        set_rate(currency=code, rate=Decimal(130))
    set_rate(currency="GBP", rate=Decimal(170), valid_from=timezone.now() + HOUR)

    assert [currency.code for currency in offered_currencies()] == offered


@pytest.mark.parametrize(("age", "stale"), [(7 * DAY, False), (7 * DAY + timedelta(microseconds=1), True)])
def test_rate_is_stale_when_it_is_older_than_allowed(age, stale):
    rows = {"USD": ExchangeRate(base="KES", currency="USD", rate=Decimal(130), valid_from=NOON - age)}
    table = RateTable("KES", NOON, rows)

    assert (table.is_stale("USD"), table.is_stale("KES"), table.is_stale("EUR")) == (stale, False, False)


# --- Conversion -----------------------------------------------------------------------------------------------


def table_of(at: datetime = NOON, **rates: str) -> RateTable:
    """Return a table of rates in shillings, all an hour old."""
    rows = {
        code: ExchangeRate(base="KES", currency=code, rate=Decimal(rate), valid_from=at - HOUR)
        for code, rate in rates.items()
    }
    return RateTable("KES", at, rows)


@pytest.mark.parametrize(
    ("amount", "source", "target", "converted"),
    [
        ("1500.00", "KES", "USD", "11.58"),  # 11.583011…
        ("10.00", "USD", "KES", "1295.00"),
        ("1500.00", "KES", "UGX", "42493"),  # 42492.917…
        ("1.00", "KES", "KWD", "0.002"),  # 0.00237…
        ("100.00", "EUR", "USD", "109.27"),  # 109.266409…, through the shilling, not rounded there
        ("0.65", "KES", "USD", "0.01"),  # 0.00501…
        ("0.64", "KES", "USD", "0.00"),  # 0.00494…
        ("0.00", "KES", "USD", "0.00"),
        ("-1500.00", "KES", "USD", "-11.58"),
        ("9999999999.99", "USD", "UGX", "36685552407895"),
        ("19.99", "USD", "USD", "19.99"),
        ("1500.50", "UGX", "UGX", "1501"),
    ],
)
def test_amount_is_converted_through_the_base_and_rounded_once(amount, source, target, converted):
    table = table_of(USD="129.50", EUR="141.50", UGX="0.0353", KWD="421.7")

    assert str(convert(Decimal(amount), source, target, table=table).amount) == converted


def test_conversion_carries_its_proof():
    table = table_of(USD="129.5000000000", EUR="141.50")
    dollar, euro = table.rows["USD"], table.rows["EUR"]

    assert convert(Decimal("1500.00"), "KES", "USD", table=table) == Conversion(
        amount=Decimal("11.58"),
        currency="USD",
        source_amount=Decimal("1500.00"),
        source_currency="KES",
        rate=Decimal("129.50"),
        rows=(dollar,),
        stale=False,
    )
    across = convert(Decimal(1), "EUR", "USD", table=table)
    assert (across.rows, across.rate_id, across.rate) == ((dollar, euro), dollar.pk, Decimal("0.9151943463"))
    back = convert(Decimal(1), "USD", "KES", table=table)
    assert (back.rows, back.rate_id, back.rate) == ((dollar,), dollar.pk, Decimal("0.0077220077"))
    same = convert(Decimal(1), "GBP", "GBP", table=table)
    assert (same.rows, same.rate_id, same.rate, same.amount) == ((), None, 1, 1)


@pytest.mark.django_db
def test_conversion_reads_the_rates_of_its_moment(django_assert_num_queries):
    rows = history(d0="100", d1="200")
    set_rate(currency="EUR", rate=Decimal(400), valid_from=NOON)

    with django_assert_num_queries(2):
        first = convert(Decimal(1000), "KES", "USD", at=NOON + HOUR)
        across = convert(Decimal(10), "EUR", "USD", at=NOON + DAY)
    with django_assert_num_queries(0):
        same = convert(Decimal(1000), "KES", "KES")

    assert (first.amount, first.rate_id) == (10, rows[0].pk)
    assert (across.amount, across.rate_id) == (20, rows[1].pk)
    assert same.amount == 1000


@pytest.mark.parametrize(
    ("source", "target", "missing"),
    [("KES", "EUR", "EUR"), ("EUR", "KES", "EUR"), ("USD", "EUR", "EUR"), ("KES", "XXX", "XXX"), ("XXX", "XXX", "XXX")],
)
@pytest.mark.parametrize("for_charging", [False, True])
def test_missing_rate_is_refused_by_name(source, target, missing, for_charging):
    with pytest.raises(RateUnavailable) as refusal:
        convert(Decimal(1), source, target, table=table_of(USD="129.50"), for_charging=for_charging)

    (row,) = refusal.value.rows
    assert (refusal.value.status_code, row.code, row.attr) == (400, "rate_unavailable", "currency")
    assert row.detail == f"There is no exchange rate for {missing}."


@pytest.mark.django_db
@pytest.mark.parametrize(("source", "target"), [("KES", "USD"), ("USD", "KES"), ("EUR", "USD"), ("USD", "EUR")])
def test_old_rate_is_good_for_showing_and_not_for_charging(settings, source, target):
    settings.MAX_RATE_AGE = timedelta(days=3)
    set_rate(currency="USD", rate=Decimal(130), valid_from=timezone.now() - 3 * DAY - HOUR)
    set_rate(currency="EUR", rate=Decimal(140))

    shown = convert(Decimal(1000), source, target)
    with pytest.raises(RateUnavailable) as refusal:
        convert(Decimal(1000), source, target, for_charging=True)

    assert shown.stale
    assert [(row.code, row.detail) for row in refusal.value.rows] == [
        ("rate_unavailable", "The exchange rate of USD is too old to charge by.")
    ]


@pytest.mark.django_db
def test_fresh_rate_is_good_for_charging():
    set_rate(currency="USD", rate=Decimal(130), valid_from=timezone.now() - 7 * DAY + HOUR)

    charged = convert(Decimal(1300), "KES", "USD", for_charging=True)

    assert (charged.amount, charged.stale) == (10, False)


def test_prices_are_shown_with_two_places_at_least_and_not_at_all_without_a_rate():
    table = table_of(USD="129.50", UGX="0.0353")

    assert ShownIn("USD", table).price(Decimal("1500.00"), "KES") == "11.58"
    assert ShownIn("UGX", table).price(Decimal("1500.00"), "KES") == "42493.00"
    assert ShownIn("USD", table).price(Decimal("1500.00"), "EUR") is None
    assert ShownIn("USD", table).price(Decimal("1500.00"), "ISK") is None


codes = st.sampled_from(sorted(ISO_4217))
rates = st.decimals(min_value=Decimal("0.0000000001"), max_value=Decimal("9999999999.9999999999"), places=10)
amounts = st.decimals(min_value=-(10**10), max_value=10**10, places=2)


def tables(**given_rates: Decimal) -> RateTable:
    return table_of(**{code: str(rate) for code, rate in given_rates.items() if code != "KES"})


@given(amounts, codes, codes, rates, rates)
def test_conversion_is_exact_but_for_one_rounding(amount, source, target, source_rate, target_rate):
    table = (
        tables(**{source: source_rate}) if source == target else tables(**{source: source_rate, target: target_rate})
    )

    converted = convert(amount, source, target, table=table)

    true = Fraction(amount)
    if source != target:
        true *= Fraction(table.rate_of(source)) / Fraction(table.rate_of(target))
    half_a_unit = Fraction(1, 2 * 10 ** ISO_4217[target].exponent)
    assert abs(Fraction(converted.amount) - true) <= half_a_unit
    assert -converted.amount.as_tuple().exponent == ISO_4217[target].exponent
    assert convert(-amount, source, target, table=table).amount == -converted.amount


@given(amounts, amounts, codes, rates)
def test_more_never_becomes_less(one, other, code, rate):
    table = tables(**{code: rate})
    low, high = sorted((one, other))

    for source, target in (("KES", code), (code, "KES")):
        assert convert(low, source, target, table=table).amount <= convert(high, source, target, table=table).amount


@given(amounts, codes, rates)
def test_way_there_and_back_loses_half_a_unit_of_each_at_most(amount, code, rate):
    table = tables(**{code: rate})

    there = convert(amount, "KES", code, table=table)
    back = convert(there.amount, code, "KES", table=table)

    worth_of_half_a_unit = Fraction(table.rate_of(code)) / (2 * 10 ** ISO_4217[code].exponent)
    assert abs(Fraction(back.amount) - Fraction(amount)) <= worth_of_half_a_unit + Fraction(1, 200)


@given(rates, codes)
def test_rate_told_of_an_amount_in_the_base_is_the_stored_one(rate, code):
    if code != "KES":
        assert convert(Decimal(1), "KES", code, table=tables(**{code: rate})).rate == rate
