"""What an order costs: examples that a person can check, and laws that hold whatever the numbers are."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.tax_kinds import TaxKind
from orders.pricing.allocation import allocate, rounded
from orders.pricing.baskets import BasketLine, Delivery, price_basket, tax_rate
from orders.pricing.promotions import AmountOff, BuyGet, FreeShipping, Goods, PercentOff, Promotion, best_of
from orders.pricing.taxes import TaxRate, tax_of
from orders.pricing.totals import Line, Shipping, totals_of

VAT = TaxRate(TaxKind.STANDARD, Decimal("0.16"))
FUEL = TaxRate(TaxKind.REDUCED, Decimal("0.08"))
ZERO = TaxRate(TaxKind.ZERO_RATED)
EXEMPT = TaxRate(TaxKind.EXEMPT)


def line(key, unit_price, quantity=1, tax=VAT):
    return Line(Goods(key, quantity, unit_price), tax)


def off(applied):
    """Return what has been taken off, by promotion."""
    return {one.key: one.amount for one in applied}


# --- Parting --------------------------------------------------------------------------------------------------

sums = st.integers(0, 10**12)
weights = st.lists(st.integers(0, 10**10), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("amount", "by", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (1, [1, 1], [1, 0]),
        (0, [0, 0], [0, 0]),
        (7, [0, 3, 0], [0, 7, 0]),
        (10, [1, 2, 3], [2, 3, 5]),
        (0, [], []),
    ],
)
def test_sum_is_parted_by_largest_remainder(amount, by, parts):
    assert allocate(amount, by) == parts


@pytest.mark.parametrize(("amount", "by"), [(-1, [1]), (1, [-1, 3]), (1, [0]), (1, [])])
def test_what_cannot_be_parted_is_refused(amount, by):
    with pytest.raises(ValueError, match=r"part(ed| it)"):
        allocate(amount, by)


@given(sums, weights)
def test_parts_add_up_and_are_fair(amount, by):
    if amount and not sum(by):
        return
    parts = allocate(amount, by)

    assert sum(parts) == amount
    for part, weight in zip(parts, by, strict=True):
        assert abs(part - Fraction(amount * weight, sum(by) or 1)) < 1
    if amount <= sum(by):
        assert all(part <= weight for part, weight in zip(parts, by, strict=True))


@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_rounding_is_half_up(numerator, denominator):
    exact = Fraction(numerator, denominator)

    assert -Fraction(1, 2) < rounded(exact) - exact <= Fraction(1, 2)


# --- Tax ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "rate", "included", "tax"),
    [
        (11_600, VAT, True, 1_600),
        (10_000, VAT, False, 1_600),
        (1, VAT, True, 0),
        (4, VAT, True, 1),  # 0.55 of a cent
        (10_800, FUEL, True, 800),
        (10_000, ZERO, True, 0),
        (10_000, EXEMPT, False, 0),
    ],
)
def test_tax_is_within_the_price_or_on_top(amount, rate, included, tax):
    assert tax_of(amount, rate, included=included) == tax


@pytest.mark.parametrize(("kind", "rate"), [(TaxKind.ZERO_RATED, "0.16"), (TaxKind.EXEMPT, "0.01"), ("standard", "-1")])
def test_rate_that_cannot_be_is_refused(kind, rate):
    with pytest.raises(ValueError, match="no rate"):
        TaxRate(TaxKind(kind), Decimal(rate))


amounts = st.integers(0, 10**12)
shares = st.decimals(min_value=0, max_value=1, places=4).map(lambda rate: TaxRate(TaxKind.STANDARD, rate))


@given(amounts, shares)
def test_net_plus_its_tax_is_the_gross_to_the_cent(gross, rate):
    tax = tax_of(gross, rate, included=True)

    assert 0 <= tax <= gross
    assert abs((gross - tax) * rate.rate - tax) <= 1


@given(amounts, amounts, shares, st.booleans())
def test_more_never_holds_less_tax(one, other, rate, included):
    less, more = sorted((one, other))

    assert tax_of(less, rate, included=included) <= tax_of(more, rate, included=included)


def test_tax_is_taken_once_for_each_rate_and_parted_among_its_lines():
    # Alone, each of the three lines would hold 0.69 of a cent, rounded to 1: 3 in all. Together they hold 2.07.
    totals = totals_of([line("a", 5), line("b", 5), line("c", 5), line("d", 1_000, tax=EXEMPT)])

    assert (totals.tax, totals.taxes) == (2, {VAT: 2, EXEMPT: 0})
    assert [one.tax for one in totals.lines] == [1, 1, 0, 0]


def test_shipping_is_taxed_with_the_goods_of_its_rate():
    totals = totals_of([line("a", 11_600)], shipping=Shipping(5_800, VAT))

    assert (totals.tax, totals.lines[0].tax, totals.shipping_tax, totals.total) == (2_400, 1_600, 800, 17_400)


def test_tax_comes_on_top_of_prices_without_it():
    totals = totals_of([line("a", 10_000, 2)], shipping=Shipping(500, ZERO), prices_include_tax=False)

    assert (totals.subtotal, totals.shipping, totals.tax, totals.total) == (20_000, 500, 3_200, 23_700)


# --- Promotions -----------------------------------------------------------------------------------------------


def test_percentage_is_rounded_once_for_all_its_lines():
    goods = [Goods("a", 1, 333), Goods("b", 1, 333), Goods("c", 1, 334)]

    applied = best_of([Promotion("ten", PercentOff(Decimal("12.5")))], goods, 0)

    assert applied[0].lines == {"a": 42, "b": 41, "c": 42}  # 125 in all: 41.625, 41.625, 41.75


def test_fixed_amount_is_no_more_than_the_goods_cost():
    goods = [Goods("a", 2, 300), Goods("b", 1, 100)]

    assert off(best_of([Promotion("k", AmountOff(5_000))], goods, 0)) == {"k": 700}
    assert best_of([Promotion("k", AmountOff(70))], goods, 0)[0].lines == {"a": 60, "b": 10}


@pytest.mark.parametrize(
    ("effect", "quantities", "amounts"),
    [
        (BuyGet(2, 1), {"a": 3}, {"a": 1_000}),
        (BuyGet(2, 1), {"a": 2}, {}),
        (BuyGet(2, 1), {"a": 2, "b": 1}, {"b": 400}),  # the cheapest of the three
        (BuyGet(2, 1), {"a": 4, "b": 2}, {"a": 1_000, "b": 400}),  # a a a | a b b: each group its own cheapest
        (BuyGet(1, 1, Decimal(50)), {"a": 2, "b": 2}, {"a": 500, "b": 200}),
        (BuyGet(1, 1, times=1), {"a": 2, "b": 2}, {"a": 1_000}),
    ],
)
def test_buy_some_get_some(effect, quantities, amounts):
    prices = {"a": 1_000, "b": 400}
    goods = [Goods(key, quantity, prices[key]) for key, quantity in quantities.items()]

    applied = best_of([Promotion("k", effect)], goods, 0)

    assert (applied[0].lines if applied else {}) == amounts


def test_free_shipping_takes_the_charge_or_a_part_of_it():
    totals = totals_of(
        [line("a", 1_000)], shipping=Shipping(350, VAT), promotions=[Promotion("k", FreeShipping(most=300))]
    )

    assert (totals.shipping, totals.shipping_discount, totals.discount, totals.total) == (350, 300, 0, 1_050)


@pytest.mark.parametrize(
    ("needs", "applies"),
    [
        ({"lines": {"a"}}, True),
        ({"lines": {"c"}}, False),
        ({"lines": set()}, False),
        ({"minimum": 1_400}, True),
        ({"minimum": 1_401}, False),
        ({"lines": {"a"}, "minimum": 1_001}, False),
        ({"minimum_quantity": 2}, True),
        ({"minimum_quantity": 3}, False),
    ],
)
def test_promotion_needs_enough_of_what_it_is_for(needs, applies):
    goods = [Goods("a", 1, 1_000), Goods("b", 1, 400)]

    assert bool(best_of([Promotion("k", PercentOff(Decimal(10)), **needs)], goods, 0)) is applies


def test_promotions_that_combine_follow_each_other():
    goods = [Goods("a", 1, 1_000)]
    ten, fifty = PercentOff(Decimal(10)), AmountOff(50)

    assert off(best_of([Promotion("p", ten, order=1), Promotion("f", fifty, order=2)], goods, 0)) == {"p": 100, "f": 50}
    assert off(best_of([Promotion("p", ten, order=2), Promotion("f", fifty, order=1)], goods, 0)) == {"f": 50, "p": 95}


def test_one_that_does_not_combine_is_taken_when_it_is_better():
    goods = [Goods("a", 1, 1_000)]
    two = [Promotion("p", PercentOff(Decimal(10))), Promotion("f", AmountOff(50))]

    assert off(best_of([*two, Promotion("x", AmountOff(151), combines=False)], goods, 0)) == {"x": 151}
    assert off(best_of([*two, Promotion("x", AmountOff(149), combines=False)], goods, 0)) == {"p": 100, "f": 50}
    assert off(best_of([*two, Promotion("x", AmountOff(150), combines=False)], goods, 0)) == {"x": 150}


@pytest.mark.parametrize(
    "make",
    [
        lambda: PercentOff(Decimal(101)),
        lambda: PercentOff(Decimal(-1)),
        lambda: AmountOff(-1),
        lambda: BuyGet(0, 1),
        lambda: BuyGet(1, 0),
        lambda: BuyGet(1, 1, times=0),
        lambda: Goods("a", 0, 1),
        lambda: Goods("a", 1, -1),
        lambda: totals_of([line("a", 1), line("a", 2)]),
    ],
)
def test_nonsense_is_refused(make):
    with pytest.raises(ValueError, match=r"\w"):
        make()


# --- Baskets --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "subtotal", "tax"),
    [
        ([], "0.00", "0.00"),
        ([("a", 1, "116.00")], "116.00", "16.00"),
        ([("a", 1, "1500.00")], "1500.00", "206.90"),
        ([("a", 3, "0.05"), ("b", 1, "0.01")], "0.16", "0.02"),
    ],
)
def test_basket_is_priced_in_amounts_with_two_places(lines, subtotal, tax):
    totals = price_basket(BasketLine(key, quantity, Decimal(price)) for key, quantity, price in lines)

    assert (str(totals.subtotal), str(totals.tax), str(totals.total)) == (subtotal, tax, subtotal)
    assert (str(totals.discount), str(totals.shipping)) == ("0.00", "0.00")


def test_basket_tells_what_each_line_and_the_delivery_bear():
    lines = [
        BasketLine("phone", 1, Decimal("11600.00")),
        BasketLine("maize", 2, Decimal("100.00"), TaxKind.ZERO_RATED),
        BasketLine("petrol", 1, Decimal("108.00"), TaxKind.REDUCED),
    ]
    tenth = Promotion("tenth", PercentOff(Decimal(10)), lines=["phone"])
    free = Promotion("free", FreeShipping(most=6000))

    totals = price_basket(lines, delivery=Delivery(Decimal("176.00")), promotions=[tenth, free])

    assert (totals.subtotal, totals.shipping) == (Decimal("11908.00"), Decimal("176.00"))
    assert (totals.discount, totals.shipping_discount) == (Decimal("1220.00"), Decimal("60.00"))
    assert totals.total == Decimal("10864.00")
    # The phone with the delivery: 10,440 + 116 hold 16 %; petrol 8 %; maize nothing.
    assert {key: (str(each.discount), str(each.tax)) for key, each in totals.lines.items()} == {
        "phone": ("1160.00", "1440.00"),
        "maize": ("0.00", "0.00"),
        "petrol": ("0.00", "8.00"),
    }
    assert (totals.shipping_tax, totals.tax) == (Decimal("16.00"), Decimal("1464.00"))
    assert {one.key: one.amount for one in totals.applied} == {"tenth": 116000, "free": 6000}


def test_basket_of_prices_without_tax_has_it_on_top(settings):
    settings.PRICES_INCLUDE_TAX = False

    totals = price_basket([BasketLine("phone", 1, Decimal("100.00"))], delivery=Delivery(Decimal("50.00")))

    assert (totals.tax, totals.shipping_tax, totals.total) == (Decimal("24.00"), Decimal("8.00"), Decimal("174.00"))
    assert not totals.prices_include_tax


@pytest.mark.parametrize(
    ("kind", "rate"), [("standard", "0.16"), ("reduced", "0.08"), ("zero_rated", "0"), ("exempt", "0")]
)
def test_each_kind_has_its_rate(kind, rate):
    assert tax_rate(TaxKind(kind)) == TaxRate(TaxKind(kind), Decimal(rate))


# --- Laws -----------------------------------------------------------------------------------------------------

rates = st.sampled_from([VAT, FUEL, ZERO, EXEMPT])
prices = st.integers(0, 10**7)
percents = st.decimals(0, 100, places=2)
effects = st.one_of(
    percents.map(PercentOff),
    st.integers(0, 10**8).map(AmountOff),
    st.builds(BuyGet, st.integers(1, 3), st.integers(1, 3), percents, st.none() | st.integers(1, 4)),
    st.none().map(FreeShipping) | st.integers(0, 10**5).map(FreeShipping),
)


@st.composite
def baskets(draw):
    count = draw(st.integers(1, 8))
    lines = [line(key, draw(prices), draw(st.integers(1, 12)), draw(rates)) for key in range(count)]
    keys = st.none() | st.sets(st.integers(0, count))
    promotions = [
        Promotion(
            f"p{number}",
            draw(effects),
            lines=draw(keys),
            minimum=draw(st.integers(0, 10**7)),
            combines=draw(st.booleans()),
            order=draw(st.integers(0, 3)),
        )
        for number in range(draw(st.integers(0, 5)))
    ]
    shipping = draw(st.none() | st.builds(Shipping, st.integers(0, 10**5), rates))
    return lines, promotions, shipping, draw(st.booleans())


@given(baskets())
def test_parts_add_up_to_the_total_whatever_the_numbers(basket):
    lines, promotions, shipping, included = basket

    totals = totals_of(lines, shipping=shipping, promotions=promotions, prices_include_tax=included)

    assert totals.subtotal == sum(one.goods.amount for one in lines) == sum(one.amount for one in totals.lines)
    assert totals.discount == sum(one.discount for one in totals.lines)
    assert totals.discount + totals.shipping_discount == sum(one.amount for one in totals.applied)
    assert totals.tax == sum(totals.taxes.values()) == sum(one.tax for one in totals.lines) + totals.shipping_tax
    net = totals.subtotal - totals.discount + totals.shipping - totals.shipping_discount
    assert totals.total == net + (0 if included else totals.tax)
    assert 0 <= totals.shipping_discount <= totals.shipping
    assert all(0 <= one.discount <= one.amount and 0 <= one.tax <= max(one.total, 0) for one in totals.lines)
    assert totals.taxes.get(ZERO, 0) == totals.taxes.get(EXEMPT, 0) == 0


@given(baskets())
def test_no_promotion_alone_is_better_than_what_the_customer_gets(basket):
    lines, promotions, shipping, _ = basket
    goods, charge = [one.goods for one in lines], shipping.amount if shipping else 0

    got = sum(one.amount for one in best_of(promotions, goods, charge))

    alone = [one for one in promotions if not one.combines]
    assert all(got >= sum(one.amount for one in best_of([single], goods, charge)) for single in alone)
    assert got >= sum(one.amount for one in best_of([one for one in promotions if one.combines], goods, charge))


@given(baskets())
def test_order_of_lines_changes_no_sum_that_the_customer_pays(basket):
    lines, promotions, shipping, included = basket
    options = {"shipping": shipping, "prices_include_tax": included}

    one, other = (totals_of(some, **options) for some in (lines, lines[::-1]))

    assert (one.subtotal, one.tax, one.total) == (other.subtotal, other.tax, other.total)
    assert totals_of(lines, promotions=promotions, **options).total <= one.total
