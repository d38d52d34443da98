from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecommerce.money import CENT, format_money, round_money, whole_units

amounts = st.decimals(min_value=0, max_value=Decimal("9999999999.99"), places=2)
rates = st.decimals(min_value=0, max_value=1, places=4)
fine_amounts = st.decimals(min_value=-10_000_000, max_value=10_000_000, places=6)


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [("0.005", "0.01"), ("0.004", "0.00"), ("1.115", "1.12"), ("2.675", "2.68"), ("-0.005", "-0.01"), ("1", "1.00")],
)
def test_rounding_is_half_up_to_two_places(amount, rounded):
    assert str(round_money(Decimal(amount))) == rounded


@given(fine_amounts)
def test_rounding_moves_by_half_a_cent_at_most_and_only_once(amount):
    rounded = round_money(amount)

    assert abs(rounded - amount) <= CENT / 2
    assert round_money(rounded) == rounded


@given(amounts)
def test_whole_units_never_ask_for_less_nor_for_one_more(amount):
    units = whole_units(amount)

    assert units == units.to_integral_value()
    assert 0 <= units - amount < 1


@pytest.mark.parametrize(("amount", "units"), [("1500.00", "1500"), ("1500.01", "1501"), ("0.00", "0")])
def test_whole_units_round_up(amount, units):
    assert whole_units(Decimal(amount)) == Decimal(units)


@pytest.mark.parametrize(
    ("amount", "text"), [("1500", "KES 1,500.00"), ("0.5", "KES 0.50"), ("1234567.89", "KES 1,234,567.89")]
)
def test_money_for_people_has_its_currency_and_two_places(amount, text):
    assert format_money(Decimal(amount), "KES") == text
