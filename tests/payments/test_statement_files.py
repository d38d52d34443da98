"""What a statement's file is understood as, and what is refused with the number of the line."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from payments import statement_files
from payments.exceptions import StatementLinesUnreadable, StatementTooLarge, StatementUnreadable
from payments.statement_files import Movement, nature_of, read_statement
from tests.payments.conftest import SHORTCODE
from tests.payments.statement_csv import NAIROBI, at, charge, line, plain, portal, utc, yesterday


def movements(text, provider="mpesa"):
    return list(read_statement(provider, text.encode()).movements)


def bad_lines(text, provider="mpesa"):
    with pytest.raises(StatementLinesUnreadable) as refused:
        read_statement(provider, text.encode())
    return [(row.attr, row.code) for row in refused.value.rows]


def test_line_of_the_portal_is_read_whole():
    told = movements(portal(line("UKL4AB12CD", **{"A/C No.": "1000000017"})))

    assert told == [
        Movement(
            receipt_number="UKL4AB12CD",
            amount=Decimal("1500.00"),
            currency="KES",
            at=at(10, 45, 31),
            nature="payment",
            kind="Pay Bill Online",
            reference="1000000017",
            payer_phone="2547***678",
            payer_name="JANE DOE",
        )
    ]


def test_portal_tells_its_period_and_what_it_covers():
    told = read_statement("mpesa", portal(line("UKL4AB12CD")).encode())

    assert (told.since, told.until) == (at(0), at(0) + timedelta(days=1))
    assert told.covers == ("received", "refunds", "payouts")


def test_day_without_movements_is_a_statement_too():
    assert read_statement("mpesa", portal().encode()).movements == ()


@pytest.mark.parametrize("account", ["Working Account", "Organization Settlement Account"])
def test_account_of_the_shops_own_transfers_covers_nothing(account):
    assert read_statement("mpesa", portal(line("UKL4AB12CD"), account=account).encode()).covers == ()


def test_statement_of_the_paying_shortcode_covers_payouts_alone(settings):
    settings.MPESA = settings.MPESA | {"B2C_SHORTCODE": "600992"}

    assert read_statement("mpesa", portal(line("UKL4AB12CD"), shortcode="600992").encode()).covers == ("payouts",)
    assert read_statement("mpesa", portal(line("UKL4AB12CD")).encode()).covers == ("received",)


@pytest.mark.parametrize(
    ("changes", "nature", "amount"),
    [
        ({"Paid In": "1,234,567.50"}, "payment", "1234567.50"),
        ({"Paid In": "100", "Withdrawn": "0.00"}, "payment", "100"),
        ({"Withdrawn": "-500.00", "Reason Type": "Pay Bill Reversal"}, "out", "-500"),
        ({"Withdrawn": "500.00", "Reason Type": "Business Payment to Customer"}, "out", "-500"),
        ({"Withdrawn": "-33.00", "Reason Type": "Fee For B2C Payment"}, "fee", "-33"),
        ({"Withdrawn": "-8.00", "Reason Type": "", "Details": "Pay Bill Charge"}, "fee", "-8"),
        ({"Paid In": "5,000.00", "Reason Type": "Organization Transfer"}, "own", "5000"),
        ({"Paid In": "8.00", "Reason Type": "Charge Reversal"}, "own", "8"),
        # What the payer typed is no kind: his payment is a payment.
        ({"Reason Type": "", "Details": "Pay Bill from 2547***678 - JANE Acc. float charge"}, "payment", "1500"),
    ],
)
def test_nature_follows_from_direction_and_reason(changes, nature, amount):
    (told,) = movements(portal(line("UKL4AB12CD", **changes)))

    assert (told.nature, told.amount) == (nature, Decimal(amount))


@pytest.mark.parametrize("status", ["Failed", "Cancelled", "Declined", "Expired", "Pending"])
def test_what_moved_no_money_is_left_out(status):
    text = portal(line("UKL4AB12CD", **{"Transaction Status": status}), line("UKL4AB12CE"))

    assert [told.receipt_number for told in movements(text)] == ["UKL4AB12CE"]


def test_reversal_refers_to_the_payment_that_it_undoes():
    changes = {"Withdrawn": "-500.00", "Reason Type": "Pay Bill Reversal", "Linked Transaction ID": "UKL4AB12CD"}

    (told,) = movements(portal(line("UKL4AB99ZZ", **changes)))

    assert told.reference == "UKL4AB12CD"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Receipt No.": ""}, "bad_receipt"),
        ({"Receipt No.": "UKL4 AB12"}, "bad_receipt"),
        ({"Paid In": "1,50.00"}, "bad_amount"),
        ({"Paid In": "1.500,00"}, "bad_amount"),
        ({"Paid In": "KES 1500"}, "bad_amount"),
        ({"Paid In": "1500.005"}, "bad_amount"),
        ({"Paid In": "-1500.00"}, "bad_amount"),
        ({"Paid In": "NaN"}, "bad_amount"),
        ({"Paid In": "99999999999.00"}, "bad_amount"),
        ({"Paid In": ""}, "bad_amount"),
        ({"Paid In": "10.00", "Withdrawn": "-10.00"}, "bad_amount"),
        ({"Completion Time": "11/21/2026 10:45"}, "bad_time"),
        ({"Completion Time": ""}, "bad_time"),
        ({"Completion Time": "21-11-2999 10:45:31"}, "bad_time"),
        ({"Completion Time": "21-11-1999 10:45:31"}, "bad_time"),
        ({"Transaction Status": "Completing"}, "unknown_status"),
    ],
)
def test_bad_line_is_named_by_its_number(changes, code):
    text = portal(line("UKL4AB12CD"), line("UKL4AB12CE", **changes))

    # Five lines of preamble, one header, one good line.
    assert bad_lines(text) == [("file.8", code)]


@pytest.mark.parametrize("column", ["Paid In", "Withdrawn"])
def test_unquoted_separator_between_thousands_is_not_read_as_two_columns(column):
    row = ",".join(line("UKL4AB12CD", **{column: "1,500.00", "Balance": ""}))

    assert bad_lines(portal() + row + "\r\n") == [("file.7", "bad_columns")]


def test_file_that_breaks_off_is_refused():
    whole = portal(line("UKL4AB12CD"), line("UKL4AB12CE"))

    assert bad_lines(whole[:-80]) == [("file.8", "bad_columns")]


def test_quote_that_never_ends_is_refused():
    assert bad_lines(portal() + '"UKL4AB12CD,1\r\nUKL4AB12CE,2\r\n') == [("file.8", "bad_quotes")]


def test_first_bad_lines_are_named_and_all_are_counted():
    text = portal(*(line(f"UKL4AB12{number}", **{"Paid In": "x"}) for number in range(10, 60)))

    with pytest.raises(StatementLinesUnreadable) as refused:
        read_statement("mpesa", text.encode())

    assert [row.attr for row in refused.value.rows] == [f"file.{number}" for number in range(7, 27)]
    assert refused.value.extra == {"bad_lines": 50}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_names_survive_every_encoding(encoding):
    text = portal(line("UKL4AB12CD", **{"Other Party Info": "2547***678 - ANDRÉ NJOROGÈ"}))

    (told,) = read_statement("mpesa", text.encode(encoding)).movements

    assert told.payer_name == "ANDRÉ NJOROGÈ"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "statement_unreadable"),
        (b"hello\r\n", "statement_unreadable"),
        (b"%PDF-1.7 ...", "statement_unreadable"),
        (b"PK\x03\x04 a workbook", "statement_unreadable"),
        ("receipt_number".encode("utf-16"), "statement_unreadable"),
        (b"\x81\x8d\x8f\xff,1", "statement_unreadable"),
        (plain().encode(), "statement_empty"),
        (plain(header="receipt_number,amount,currency,time,colour").encode(), "unknown_columns"),
    ],
)
def test_file_that_is_no_statement_is_refused(raw, code):
    with pytest.raises(StatementUnreadable) as refused:
        read_statement("paystack", raw)

    assert refused.value.rows[0].code == code


def test_statement_of_another_shop_is_refused():
    with pytest.raises(StatementUnreadable) as refused:
        read_statement("mpesa", portal(line("UKL4AB12CD"), shortcode="999999").encode())

    assert refused.value.rows[0].code == "statement_of_another_account"
    assert read_statement("mpesa", portal(line("UKL4AB12CD"), shortcode=SHORTCODE).encode()).movements


def test_mpesa_statement_is_nobody_elses():
    with pytest.raises(StatementUnreadable) as refused:
        read_statement("paystack", portal(line("UKL4AB12CD")).encode())

    assert refused.value.rows[0].code == "statement_of_another_provider"


def test_more_lines_than_the_limit_are_refused(monkeypatch):
    monkeypatch.setattr(statement_files, "MAX_LINES", 2)

    assert len(movements(portal(*(line(f"UKL4AB12C{letter}") for letter in "AB")))) == 2
    with pytest.raises(StatementTooLarge):
        movements(portal(*(line(f"UKL4AB12C{letter}") for letter in "ABC")))


def test_row_that_stands_twice_is_one_and_equal_charges_are_two():
    once = line("UKL4AB12CD")
    first, second = charge("UKL4AB12CD", "5.00"), charge("UKL4AB12CD", "5.00", moment=at(10, 45, 32))

    told = movements(portal(once, once, first, second))

    assert [(movement.amount, movement.kind) for movement in told] == [
        (Decimal("1500.00"), "Pay Bill Online"),
        (Decimal("-5.00"), "Pay Bill Charge"),
        (Decimal("-5.00"), "Pay Bill Charge (2)"),
    ]


def test_plain_line_is_read_whole():
    when = utc(at(10, 45, 31))
    text = plain(f"4099260516,1500.00,kes,{when},ref-1,43.50,card")

    assert movements(text, "paystack") == [
        Movement(
            receipt_number="4099260516",
            amount=Decimal("1500.00"),
            currency="KES",
            at=at(10, 45, 31),
            nature="payment",
            kind="card",
            reference="ref-1",
            fee=Decimal("43.50"),
        )
    ]


def test_receipt_of_mpesa_in_small_letters_is_the_same_receipt():
    row = f"ukl4ab12cd,1500.00,KES,{utc(at(10))},,,"

    (told,) = movements(plain(row), "mpesa")
    (elsewhere,) = movements(plain(row), "paystack")

    assert (told.receipt_number, elsewhere.receipt_number) == ("UKL4AB12CD", "ukl4ab12cd")


def test_plain_file_covers_the_whole_days_of_its_lines():
    told = read_statement("paystack", plain(f"A,1,KES,{utc(at(10))},,,", f"B,1,KES,{utc(at(11))},,,").encode())

    assert (told.since, told.until) == (at(0), at(0) + timedelta(days=1))


@pytest.mark.parametrize("form", ["portal", "plain"])
def test_day_that_is_not_over_is_told_until_its_last_movement(form):
    moment = timezone.now().replace(microsecond=0)
    if form == "portal":
        day = moment.astimezone(NAIROBI).date()
        told = read_statement("mpesa", portal(line("UKL4AB12CD", moment=moment), day=day).encode())
    else:
        told = read_statement("paystack", plain(f"A,1,KES,{utc(moment)},,,").encode())

    assert told.until == moment + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (",1,KES,{when},,,", "bad_receipt"),
        ("4.09926E+12,1,KES,{when},,,", "bad_receipt"),
        ("A,0,KES,{when},,,", "bad_amount"),
        ("A,,KES,{when},,,", "bad_amount"),
        ("A,1,KES,{when},,-1,", "bad_amount"),
        ("A,1.50,JPY,{when},,,", "bad_amount"),
        ("A,1,XYZ,{when},,,", "unknown_currency"),
        ("A,1,KES,yesterday,,,", "bad_time"),
        ("A,1,KES", "bad_columns"),
        ("A,1,KES,{when},,,card,more", "bad_columns"),
    ],
)
def test_bad_plain_line_is_named(row, code):
    good = f"B,1,KES,{utc(at(10))},,,"

    assert bad_lines(plain(good, row.format(when=utc(at(10)))), "paystack") == [("file.3", code)]


@pytest.mark.parametrize(
    ("amount", "kind", "nature"),
    [
        ("10", "", "payment"),
        ("10", "bank_transfer", "payment"),
        ("10", "charge", "payment"),
        ("10", "refund_failure", "own"),
        ("10", "topup", "own"),
        ("-10", "refund", "out"),
        ("-10", "stripe_fee", "fee"),
    ],
)
def test_short_word_tells_the_nature(amount, kind, nature):
    assert nature_of(Decimal(amount), kind) == nature


def test_time_without_a_zone_is_the_shops():
    (told,) = movements(plain(f"A,1,KES,{yesterday()} 10:45,,,"), "paystack")

    assert told.at == at(10, 45)
