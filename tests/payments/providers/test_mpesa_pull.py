"""The pull list: Safaricom's own books of the last two days."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from payments.exceptions import ProviderUnavailable
from payments.providers.base import StatementEntry
from payments.testing.network import Failure, Reply
from tests.payments.providers.mpesa_wire import (
    NO_PRODUCT,
    PULL,
    PULL_REGISTER,
    RESULT_URL,
    SPIKE,
    gateway_error,
    mpesa,
    scripted_network,
)

network = pytest.fixture(scripted_network)
provider = pytest.fixture(mpesa)

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
NOTHING = Reply(200, {"ResponseRefID": "1", "ResponseCode": "1001", "ResponseMessage": "No data", "Response": "[[]]"})


@pytest.fixture(autouse=True)
def eleven_in_nairobi(monkeypatch):
    monkeypatch.setattr("payments.providers.mpesa.pull.timezone.now", lambda: NOW)


def row(number=1, **changes):
    return {
        "transactionId": f"UKL4AB12C{number}",
        "trxDate": "2026-11-21T07:45:31Z",
        "msisdn": 722000000,
        "sender": "MPESA",
        "transactiontype": "c2b-pay-bill-debit",
        "billreference": "1000017",
        "amount": "1500.00",
        "organizationname": "BYTEMTAANI",
    } | changes


def page(*rows):
    listed = {"ResponseRefID": "26178-42530161-2", "ResponseCode": "1000", "ResponseMessage": "Success"}
    return Reply(200, listed | {"Response": [list(rows)]})


def entry(number=1):
    return StatementEntry(
        receipt_number=f"UKL4AB12C{number}",
        amount=Decimal("1500.00"),
        currency="KES",
        at=datetime(2026, 11, 21, 7, 45, 31, tzinfo=UTC),
        reference="1000017",
        payer_phone="722000000",
        kind="c2b-pay-bill-debit",
    )


def test_list_is_asked_for_by_rows_until_nothing_comes(provider, network):
    network.script({PULL: [page(row(1), row(2)), page(row(3)), NOTHING]})

    found = provider.list_movements(NOW - timedelta(hours=3), NOW)

    assert found == [entry(1), entry(2), entry(3)]
    assert [sent.json for sent in network.requests_to(PULL)] == [
        {
            "ShortCode": "600992",
            "StartDate": "2026-11-21 08:00:00",
            "EndDate": "2026-11-21 11:00:00",
            "OffSetValue": offset,
        }
        for offset in ("0", "2", "3")
    ]


def test_list_reaches_back_two_days(provider, network):
    network.script({PULL: NOTHING})

    assert provider.list_movements(NOW - timedelta(days=7), NOW) == []

    assert network.requests_to(PULL)[0].json["StartDate"] == "2026-11-19 11:00:00"


def test_days_that_are_out_of_reach_are_not_asked_for(provider, network):
    assert provider.list_movements(NOW - timedelta(days=7), NOW - timedelta(days=3)) == []
    assert network.sent == []


def test_list_that_pays_no_heed_to_the_offset_ends(provider, network):
    network.script({PULL: page(row(1))})

    assert provider.list_movements(NOW - timedelta(hours=3), NOW) == [entry(1)]
    assert len(network.requests_to(PULL)) == 2


def test_list_without_an_end_is_given_up(provider, network, monkeypatch):
    monkeypatch.setattr("payments.providers.mpesa.pull._MOST_PAGES", 3)
    network.script({PULL: [page(row(number)) for number in range(1, 6)]})

    with pytest.raises(ProviderUnavailable):
        provider.list_movements(NOW - timedelta(hours=3), NOW)


def test_unreadable_rows_do_not_hide_the_others(provider, network, caplog):
    odd = [
        row(2, transactionId=""),
        row(3, amount="much"),
        row(4, trxDate="today"),
        row(5, transactionId=None, amount=None, trxDate=None),
    ]
    network.script({PULL: [page(*odd), page(row(1)), NOTHING]})

    assert provider.list_movements(NOW - timedelta(hours=3), NOW) == [entry(1)]
    assert [record.message for record in caplog.records] == ["mpesa_pull_row_unreadable"] * 4


@pytest.mark.parametrize(
    "written", ["2026-11-21T07:45:31Z", "2026-11-21T10:45:31+03:00", "2026-11-21T10:45:31", "2026-11-21 10:45:31"]
)
def test_time_without_a_zone_is_nairobis(provider, network, written):
    network.script({PULL: [page(row(1, trxDate=written)), NOTHING]})

    assert provider.list_movements(NOW - timedelta(hours=3), NOW) == [entry(1)]


@pytest.mark.parametrize("response", ["[[]]", [[]], [], None])
def test_nothing_is_written_in_many_ways(provider, network, response):
    network.script({PULL: Reply(200, {"ResponseCode": "1000", "Response": response})})

    assert provider.list_movements(NOW - timedelta(hours=3), NOW) == []


@pytest.mark.parametrize(
    "answer",
    [
        NO_PRODUCT,
        gateway_error(400, "400.001.01", "Shortcode not registered"),
        Reply(200, {"ResponseCode": "1002", "ResponseMessage": "not registered"}),
    ],
)
def test_shortcode_that_is_not_registered_has_an_empty_list(provider, network, caplog, answer):
    network.script({PULL: answer})

    assert provider.list_movements(NOW - timedelta(hours=3), NOW) == []
    assert "mpesa_pull_refused" in [record.message for record in caplog.records]


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, b""),
        Reply(200, {}),
        Reply(403, b"<html>"),
        Reply(500, b""),
        gateway_error(500, "500.003.1001", "Internal Server Error"),
        gateway_error(500, "500.003.02", "System is busy"),
        SPIKE,
        Failure.SILENCE,
    ],
)
def test_list_without_an_answer_is_unknown(provider, network, answer):
    network.script({PULL: answer})

    with pytest.raises(ProviderUnavailable):
        provider.list_movements(NOW - timedelta(hours=3), NOW)


def test_list_that_breaks_off_is_no_list(provider, network):
    network.script({PULL: [page(row(1)), Reply(500, b"")]})

    with pytest.raises(ProviderUnavailable):
        provider.list_movements(NOW - timedelta(hours=3), NOW)


@pytest.mark.parametrize(
    ("body", "registered"),
    [
        ({"ResponseRefID": "1", "ResponseStatus": "1000", "ResponseDescription": "ok"}, True),
        ({"Response Status": "1000"}, True),
        ({"ResponseStatus": "1001", "ResponseDescription": "already"}, True),
        ({"ResponseStatus": "1002"}, False),
        ({"errorCode": "400.001.01", "errorMessage": "no"}, False),
    ],
)
def test_shortcode_is_registered_for_the_list(provider, network, body, registered):
    network.script({PULL_REGISTER: Reply(200, body)})

    assert provider.register_pull("+254722000000", RESULT_URL) is registered

    assert network.requests_to(PULL_REGISTER)[0].json == {
        "ShortCode": "600992",
        "RequestType": "Pull",
        "NominatedNumber": "254722000000",
        "CallBackURL": RESULT_URL,
    }


@pytest.mark.parametrize("answer", [Reply(500, b""), Reply(200, b""), Reply(403, b"<html>"), SPIKE, Failure.SILENCE])
def test_registration_without_an_answer_is_unknown(provider, network, answer):
    network.script({PULL_REGISTER: answer})

    with pytest.raises(ProviderUnavailable):
        provider.register_pull("+254722000000", RESULT_URL)
