"""What one unit costs: the one function that decides it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.prices.rules import Break, Offer, price_breaks, unit_price

OWN = Decimal("1000.00")
MONEY = st.decimals(min_value=0, max_value=2000, places=2)
OFFERS = st.lists(
    st.builds(
        Offer,
        min_quantity=st.integers(min_value=1, max_value=20),
        price=MONEY,
        priority=st.integers(min_value=-1, max_value=1),
    ),
    max_size=6,
)
QUANTITY = st.integers(min_value=1, max_value=25)


def offer(price, min_quantity=1, priority=0):
    return Offer(min_quantity=min_quantity, price=Decimal(price), priority=priority)


@pytest.mark.parametrize(
    ("offers", "quantity", "price"),
    [
        ([], 1, "1000"),
        ([offer(900)], 1, "900"),
        ([offer(900), offer(850)], 1, "850"),
        ([offer(900), offer(850, priority=-1)], 1, "900"),
        ([offer(900, priority=1), offer(850)], 1, "900"),
        ([offer(800, min_quantity=10)], 9, "1000"),
        ([offer(800, min_quantity=10)], 10, "800"),
        ([offer(900), offer(950, min_quantity=10)], 10, "900"),
        ([offer(900), offer(800, min_quantity=10, priority=-1)], 10, "900"),
        ([offer(700, min_quantity=5, priority=9), offer(900)], 4, "900"),
        ([offer(1200)], 1, "1000"),
        ([offer(1200, priority=5), offer(900)], 1, "1000"),
        ([offer(0)], 1, "0"),
    ],
)
def test_price_of_one_unit(offers, quantity, price):
    assert unit_price(OWN, offers, quantity) == Decimal(price)


@given(own=MONEY, offers=OFFERS, quantity=QUANTITY)
def test_price_is_never_raised_and_is_one_that_was_asked(own, offers, quantity):
    price = unit_price(own, offers, quantity)

    assert price <= own
    assert price in {own, *(each.price for each in offers if each.min_quantity <= quantity)}


@given(own=MONEY, offers=OFFERS, quantity=QUANTITY)
def test_order_of_the_offers_does_not_matter(own, offers, quantity):
    assert unit_price(own, offers[::-1], quantity) == unit_price(own, offers, quantity)


@given(own=MONEY, offers=OFFERS, quantity=QUANTITY, more=OFFERS)
def test_at_one_priority_nobody_pays_more_for_more_units_or_more_offers(own, offers, quantity, more):
    equal = [offer(each.price, each.min_quantity) for each in offers]
    further = [offer(each.price, each.min_quantity) for each in more]

    assert unit_price(own, equal, quantity + 1) <= unit_price(own, equal, quantity)
    assert unit_price(own, equal + further, quantity) <= unit_price(own, equal, quantity)


@given(own=MONEY, offers=OFFERS, quantity=QUANTITY)
def test_breaks_tell_the_price_of_every_quantity(own, offers, quantity):
    reached = [each.price for each in price_breaks(own, offers) if each.min_quantity <= quantity]

    assert (reached[-1] if reached else own) == unit_price(own, offers, quantity)


def test_breaks_leave_out_where_nothing_changes():
    offers = [offer(900, 5), offer(950, 10), offer(800, 20), offer(1500, 2)]

    assert price_breaks(OWN, offers) == [Break(5, Decimal(900)), Break(20, Decimal(800))]
