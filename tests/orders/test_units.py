"""What the units of a line are worth: whatever goes back in whatever steps, nothing is lost and nothing is made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.pricing.units import ChargedLine


def test_units_of_a_line_without_discount_are_worth_their_price():
    line = ChargedLine(quantity=3, amount=3 * 1_500_00, tax=62_069)

    assert [line.worth_of(1, gone=gone).total for gone in range(3)] == [1_500_00] * 3


def test_discount_that_does_not_divide_is_parted_to_the_cent():
    line = ChargedLine(quantity=3, amount=30_000, discount=1_000, tax=4_000)

    parts = [line.worth_of(1, gone=gone) for gone in range(3)]

    assert [(part.amount, part.discount, part.tax) for part in parts] == [
        (10_000, 333, 1_333),
        (10_000, 334, 1_334),
        (10_000, 333, 1_333),
    ]
    assert [part.total for part in parts] == [9_667, 9_666, 9_667]


def test_tax_on_top_goes_back_with_its_units():
    line = ChargedLine(quantity=2, amount=20_000, tax=3_201, prices_include_tax=False)

    assert [line.worth_of(1).total, line.worth_of(1, gone=1).total] == [11_601, 11_600]


@pytest.mark.parametrize(("units", "gone"), [(4, 0), (1, 3), (-1, 1), (1, -1)])
def test_units_that_a_line_has_not_are_refused(units, gone):
    with pytest.raises(ValueError, match="units"):
        ChargedLine(quantity=3, amount=100).worth_of(units, gone=gone)


@pytest.mark.parametrize("odd", [{"discount": 101}, {"discount": -1}, {"tax": -1}, {"quantity": -1}])
def test_line_that_costs_less_than_nothing_is_refused(odd):
    with pytest.raises(ValueError, match="less than nothing"):
        ChargedLine(**{"quantity": 1, "amount": 100} | odd)


@st.composite
def lines_and_steps(draw):
    """A line that was charged somehow, and how many units go back in each step until all of them went."""
    quantity = draw(st.integers(1, 200))
    amount = quantity * draw(st.integers(0, 10**9))
    discount = draw(st.integers(0, amount))
    tax = draw(st.integers(0, amount))
    cuts = sorted(draw(st.sets(st.integers(1, quantity), max_size=12)) | {quantity})
    steps = [after - before for before, after in zip([0, *cuts], cuts, strict=False)]
    return ChargedLine(quantity, amount, discount, tax, draw(st.booleans())), steps


@given(lines_and_steps())
def test_parts_add_up_to_the_line_whatever_the_steps(drawn):
    line, steps = drawn

    gone, parts = 0, []
    for units in steps:
        parts.append(line.worth_of(units, gone=gone))
        gone += units

    whole = line.worth_of(line.quantity)
    assert (whole.amount, whole.discount, whole.tax) == (line.amount, line.discount, line.tax)
    for name in ("amount", "discount", "tax", "total"):
        assert sum(getattr(part, name) for part in parts) == getattr(whole, name)


@given(lines_and_steps(), st.data())
def test_no_unit_is_worth_less_than_nothing_or_far_from_its_share(drawn, data):
    line, _ = drawn
    gone = data.draw(st.integers(0, line.quantity - 1))

    one = line.worth_of(1, gone=gone)

    assert min(one.amount, one.discount, one.tax, one.amount - one.discount) >= 0
    for name in ("amount", "discount", "tax"):
        assert abs(getattr(one, name) * line.quantity - getattr(line, name)) <= line.quantity
