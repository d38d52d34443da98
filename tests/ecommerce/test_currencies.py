from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecommerce.currencies import (
    ISO_4217,
    InexactAmount,
    UnknownCurrency,
    amount_text,
    find_currency,
    from_minor_units,
    minor_units,
    round_half_up,
    round_to_minor_unit,
)

codes = st.sampled_from(sorted(ISO_4217))
units = st.integers(min_value=-(10**40), max_value=10**40)
numbers = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12),
    st.fractions(min_value=-(10**12), max_value=10**12),
)


def test_every_currency_that_our_providers_take_is_known():
    ours = "KES UGX TZS RWF ETB NGN GHS ZAR XOF XAF USD EUR GBP"
    paypal = "AUD BRL CAD CNY CZK DKK HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD CHF THB TWD"
    stripe = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF BHD JOD KWD OMR TND"

    assert set(ISO_4217) == set(f"{ours} {paypal} {stripe}".split())


def test_decimal_places_are_those_of_iso_4217():
    by_exponent = {n: " ".join(code for code, known in ISO_4217.items() if known.exponent == n) for n in (0, 3)}

    assert by_exponent == {
        0: "BIF CLP DJF GNF JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
        3: "BHD JOD KWD OMR TND",
    }
    assert {known.exponent for known in ISO_4217.values()} == {0, 2, 3}


def test_codes_are_keys_and_symbols_tell_currencies_apart():
    assert {code for code, known in ISO_4217.items() if known.code != code or not known.name} == set()
    assert len({known.symbol for known in ISO_4217.values()}) == len(ISO_4217)


@pytest.mark.parametrize("code", ["", "kes", "KE", "KESS", "XXX", "KES ", "ＫＥＳ"])
def test_unknown_code_is_refused_everywhere(code):
    for use in (
        lambda: find_currency(code),
        lambda: minor_units(Decimal(1), code),
        lambda: from_minor_units(1, code),
        lambda: round_to_minor_unit(Decimal(1), code),
        lambda: amount_text(Decimal(1), code),
    ):
        with pytest.raises(UnknownCurrency):
            use()


@pytest.mark.parametrize(
    ("amount", "currency", "counted"),
    [
        ("12.50", "USD", 1250),
        ("12.5", "USD", 1250),
        ("12.500", "USD", 1250),
        ("500", "JPY", 500),
        ("500.00", "JPY", 500),
        ("1.234", "KWD", 1234),
        ("1E+3", "KES", 100_000),
        ("-0.01", "KES", -1),
        ("-0.00", "KES", 0),
        ("1234567890123456789012345678901.23", "KES", 123456789012345678901234567890123),
    ],
)
def test_amounts_are_counted_in_the_smallest_unit(amount, currency, counted):
    assert minor_units(Decimal(amount), currency) == counted


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("0.001", "USD"), ("12.345", "KES"), ("0.5", "JPY"), ("1.00", "XXX"), ("0.0001", "KWD"), ("1E-30", "KES")],
)
def test_part_of_the_smallest_unit_is_refused(amount, currency):
    with pytest.raises(InexactAmount if currency in ISO_4217 else UnknownCurrency):
        minor_units(Decimal(amount), currency)


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_has_no_smallest_units(amount):
    with pytest.raises(InexactAmount):
        minor_units(Decimal(amount), "KES")


@pytest.mark.parametrize(
    ("counted", "currency", "text"),
    [(1250, "USD", "12.50"), (0, "KES", "0.00"), (-1, "KES", "-0.01"), (500, "JPY", "500"), (1, "KWD", "0.001")],
)
def test_smallest_units_make_an_amount_with_the_currencys_places(counted, currency, text):
    assert str(from_minor_units(counted, currency)) == text


@given(units, codes)
def test_units_survive_the_way_to_an_amount_and_back(counted, code):
    amount = from_minor_units(counted, code)

    assert minor_units(amount, code) == counted
    assert -amount.as_tuple().exponent == ISO_4217[code].exponent


@given(units, codes)
def test_nothing_depends_on_the_precision_of_the_context(counted, code):
    with localcontext(prec=2):
        assert minor_units(from_minor_units(counted, code), code) == counted
        assert round_to_minor_unit(Fraction(counted), code) == counted


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9), codes)
def test_amount_is_counted_exactly_or_refused(amount, code):
    scale = 10 ** ISO_4217[code].exponent

    try:
        counted = minor_units(amount, code)
    except InexactAmount:
        assert (Fraction(amount) * scale).denominator != 1
    else:
        assert Fraction(counted, scale) == Fraction(amount)


@pytest.mark.parametrize(
    ("number", "places", "rounded"),
    [
        ("0.005", 2, "0.01"),
        ("0.0049999999999999999999999999999999999", 2, "0.00"),
        ("2.675", 2, "2.68"),
        ("-0.005", 2, "-0.01"),
        ("0.5", 0, "1"),
        ("-0.4", 0, "0"),
        ("7", 3, "7.000"),
    ],
)
def test_a_half_is_rounded_away_from_zero(number, places, rounded):
    assert str(round_half_up(Decimal(number), places)) == rounded


@given(numbers, codes)
def test_rounding_moves_by_half_a_unit_at_most_and_only_once(number, code):
    rounded = round_to_minor_unit(number, code)

    assert abs(Fraction(rounded) - Fraction(number)) <= Fraction(1, 2 * 10 ** ISO_4217[code].exponent)
    assert round_to_minor_unit(rounded, code) == rounded
    assert round_to_minor_unit(-number, code) == -rounded


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [("12.5", "USD", "12.50"), ("1500", "UGX", "1500.00"), ("1.234", "KWD", "1.234"), ("1E+3", "KES", "1000.00")],
)
def test_text_of_an_amount_has_two_places_at_least(amount, currency, text):
    assert amount_text(Decimal(amount), currency) == text
