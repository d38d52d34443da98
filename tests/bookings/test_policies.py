"""What comes back of a cancelled stay: the table in docs/marketplace.md, to the second."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from psycopg2.extras import DateRange

from bookings.models import Booking
from bookings.policies import refund_for

CHECK_IN = datetime(2026, 12, 24, 11, tzinfo=UTC)  # two in the afternoon in Nairobi
LONG_AGO = CHECK_IN - timedelta(days=100)
SECOND = timedelta(seconds=1)
# Three nights of 4,000, 5,000 and 6,000.01 in two rooms.
TOTAL, BUT_THE_FIRST = Decimal("30000.02"), Decimal("22000.02")


def booking(policy: str, confirmed_at: datetime = LONG_AGO) -> Booking:
    prices = ("4000.00", "5000.00", "6000.01")
    return Booking(
        dates=DateRange(date(2026, 12, 24), date(2026, 12, 27)),
        nights=[{"date": f"2026-12-{24 + number}", "price": price} for number, price in enumerate(prices)],
        units=2,
        total=TOTAL,
        currency="KES",
        cancellation_policy=policy,
        check_in=time(14),
        confirmed_at=confirmed_at,
        created_at=LONG_AGO,
    )


@pytest.mark.parametrize(
    ("policy", "before", "refund"),
    [
        ("flexible", timedelta(hours=24), TOTAL),
        ("flexible", timedelta(hours=24) - SECOND, BUT_THE_FIRST),
        ("flexible", SECOND, BUT_THE_FIRST),
        ("flexible", timedelta(0), Decimal("0.00")),
        ("moderate", timedelta(days=5), TOTAL),
        ("moderate", timedelta(days=5) - SECOND, Decimal("11000.01")),
        ("moderate", SECOND, Decimal("11000.01")),
        ("moderate", timedelta(0), Decimal("0.00")),
        ("strict", timedelta(days=60), Decimal("15000.01")),
        ("strict", timedelta(days=7), Decimal("15000.01")),
        ("strict", timedelta(days=7) - SECOND, Decimal("0.00")),
        ("strict", -timedelta(days=1), Decimal("0.00")),
    ],
)
def test_guest_gets_back_what_the_policy_says(policy, before, refund):
    assert refund_for(booking(policy), at=CHECK_IN - before, by_guest=True) == refund


@pytest.mark.parametrize(
    ("left", "since", "refund"),
    [
        (timedelta(days=14), timedelta(hours=48), TOTAL),
        (timedelta(days=14), timedelta(hours=48) + SECOND, Decimal("15000.01")),
        (timedelta(days=14) - SECOND, timedelta(hours=1), Decimal("15000.01")),
        (timedelta(days=3), timedelta(hours=1), Decimal("0.00")),
    ],
)
def test_strict_gives_second_thoughts_while_there_is_time_to_let_again(left, since, refund):
    at = CHECK_IN - left

    assert refund_for(booking("strict", confirmed_at=at - since), at=at, by_guest=True) == refund


@pytest.mark.parametrize("policy", ["flexible", "moderate", "strict"])
@pytest.mark.parametrize(
    ("after", "refund"),
    [
        (-SECOND, TOTAL),
        (SECOND, BUT_THE_FIRST),
        (timedelta(hours=9, minutes=59), BUT_THE_FIRST),
        (timedelta(hours=10), Decimal("12000.02")),  # midnight in Nairobi: the second night is on
        (timedelta(days=3), Decimal("0.00")),
    ],
)
def test_who_is_cancelled_upon_gets_back_every_night_that_has_not_begun(policy, after, refund):
    assert refund_for(booking(policy), at=CHECK_IN + after, by_guest=False) == refund


def test_one_night_under_the_flexible_policy_is_lost_on_the_last_day():
    short = booking("flexible")
    short.nights, short.total, short.units = short.nights[:1], Decimal("4000.00"), 1

    assert refund_for(short, at=CHECK_IN - timedelta(hours=3), by_guest=True) == Decimal("0.00")
