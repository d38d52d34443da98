"""Text messages: handed over once, and nobody guesses what became of them."""

import logging
import socket
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from rest_framework.exceptions import Throttled

from accounts.quotas.models import Quota
from accounts.quotas.services import network_of, spend
from accounts.sms import services
from accounts.sms.exceptions import SmsNotReceived, SmsUnavailable
from accounts.sms.models import SmsMessage
from accounts.tasks import clean_up
from ecommerce import outgoing
from ecommerce.sms_settings import _daily_caps, _service
from simulator.settings import Settings
from tests.simulator.conftest import RunningSimulator

PHONE = "+254712345678"
SERVICE = {"BACKEND": "africastalking", "USERNAME": "sandbox", "API_KEY": "simulator-sms-key", "SENDER": "SHOP"}

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def running():
    simulator = RunningSimulator(replace(Settings()))
    yield simulator
    simulator.stop()


@pytest.fixture
def carrier(running, settings):
    running.http.post("/control/reset")
    outgoing.reset_breakers()
    settings.SMS = SERVICE | {"BASE_URL": f"{running.url}/africastalking"}
    settings.PROVIDER_READ_TIMEOUT = 0.5
    yield running.http
    outgoing.reset_breakers()


def deliver(reference="code:1", text="Habari"):
    message = services.begin(reference=reference, purpose="test", to=PHONE)
    if message is not None:
        services.hand_over(message, to=PHONE, text=text)
    return SmsMessage.objects.get(reference=reference)


def sent(carrier):
    return [message["text"] for message in carrier.get("/africastalking/messages").json()["messages"]]


def strike(carrier, fault, **parameters):
    carrier.post("/control/faults", json={"queue": [{"fault": f"africastalking_sms_{fault}", **parameters}]})


def test_message_is_sent_and_only_what_became_of_it_is_kept(carrier):
    message = deliver()

    [kept] = carrier.get("/africastalking/messages").json()["messages"]
    assert (kept["to"], kept["text"], kept["from"]) == (PHONE, "Habari", "SHOP")
    assert (message.status, message.service_id, message.cost, message.currency) == (
        "accepted", kept["id"], Decimal("0.8000"), "KES",
    )  # fmt: skip
    assert (message.country_code, message.number_end) == ("254", "678")
    row = str(SmsMessage.objects.values().get())
    assert "Habari" not in row
    assert "712345" not in row


def test_same_reference_is_sent_once(carrier):
    deliver()
    deliver(text="again")

    assert sent(carrier) == ["Habari"]


@pytest.mark.parametrize(
    ("fault", "parameters", "status", "code", "arrives"),
    [
        ("status", {"code": 402}, "refused", "invalid_sender_id", False),
        ("status", {"code": 405}, "refused", "insufficient_balance", False),
        ("status", {"code": 502}, "refused", "rejected_by_gateway", False),
        ("status", {"code": 409}, "refused", "status_409", False),
        ("no_recipient", {}, "refused", "InvalidSenderId", False),
        ("no_recipient", {"word": "a b <c>"}, "refused", "no_recipient", False),
        ("key_refused", {}, "refused", "http_401", False),
        ("500_before", {}, "unknown", "http_500", False),
        ("500_after", {}, "unknown", "http_500", True),
        ("html_after", {}, "unknown", "http_502", True),
        ("truncated_json", {}, "unknown", "unreadable answer", True),
        ("empty_body", {}, "unknown", "unreadable answer", True),
        ("answer_lost", {}, "unknown", "connection lost", True),
        ("hang_after", {"seconds": 1.0}, "unknown", "ReadTimeout", True),
        ("other_number", {}, "unknown", "answer about another number", True),
    ],
)
def test_what_goes_wrong_is_named_and_never_repeated(carrier, fault, parameters, status, code, arrives):
    strike(carrier, fault, **parameters)

    message = deliver()
    deliver(text="again")

    assert (message.status, message.failure_code) == (status, code)
    assert sent(carrier) == (["Habari"] if arrives else [])


def test_what_certainly_did_not_arrive_is_sent_again(carrier):
    strike(carrier, "429")

    with pytest.raises(SmsNotReceived):
        deliver()
    refused = SmsMessage.objects.get().status
    again = deliver()

    assert (refused, again.status, sent(carrier)) == ("not_received", "accepted", ["Habari"])


def test_no_connection_is_not_received(carrier, settings):
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        settings.SMS = settings.SMS | {"BASE_URL": f"http://127.0.0.1:{taken.getsockname()[1]}"}

        with pytest.raises(SmsNotReceived):
            deliver()

    assert SmsMessage.objects.get().status == "not_received"


def test_worker_that_ended_in_the_middle_leaves_an_unknown_outcome(carrier):
    services.begin(reference="code:1", purpose="test", to=PHONE)

    message = deliver()

    assert (message.status, sent(carrier)) == ("unknown", [])


def test_silent_service_is_left_alone_for_a_while(carrier):
    strike(carrier, "answer_lost", count=outgoing.Breaker.LIMIT)
    for number in range(outgoing.Breaker.LIMIT):
        deliver(f"code:{number}")

    with pytest.raises(SmsNotReceived):
        deliver("code:last")

    assert len(sent(carrier)) == outgoing.Breaker.LIMIT


def test_logs_tell_neither_text_nor_number(carrier, caplog):
    strike(carrier, "status", code=403)

    with caplog.at_level(logging.DEBUG):
        deliver(text="123456 is your code")

    lines = " ".join(str(record.__dict__) for record in caplog.records if record.name.startswith("accounts"))
    assert "invalid_phone_number" in lines
    assert "123456" not in lines
    assert "712345" not in lines


def test_console_prints_for_developers(settings, capsys):
    settings.SMS = {"BACKEND": "console"}

    message = deliver()

    assert capsys.readouterr().out == f"--- SMS to {PHONE}\nHabari\n---\n"
    assert (message.status, message.backend) == ("accepted", "console")


# --- What the shop is willing to pay for -----------------------------------------------------------------------


def test_phone_and_network_have_their_share(settings):
    settings.SMS_PER_PHONE, settings.SMS_PER_NETWORK = "2/100000000", "3/100000000"
    other = "+254700000001"

    services.spend_message(to=PHONE, address="10.0.0.1")
    services.spend_message(to=PHONE, address="10.0.0.1")
    with pytest.raises(Throttled):
        services.spend_message(to=PHONE, address="10.0.0.9")
    services.spend_message(to=other, address="10.0.0.1")
    with pytest.raises(Throttled):
        services.spend_message(to=other, address="10.0.0.1")
    services.spend_message(to=other, address="10.0.0.2")


def test_phone_has_a_share_of_the_day_too(settings):
    settings.SMS_PER_PHONE, settings.SMS_PER_PHONE_DAILY = "100/3600", "2/100000000"

    services.spend_message(to=PHONE, address="10.0.0.1")
    services.spend_message(to=PHONE, address="10.0.0.2")
    with pytest.raises(Throttled):
        services.spend_message(to=PHONE, address="10.0.0.3")


def test_country_has_a_cap_and_some_get_nothing(settings, caplog):
    settings.SMS_DAILY_CAPS = {"254": 2, "256": 0}
    services.spend_message(to="+254700000001", address="10.0.0.1")
    services.spend_message(to="+254700000002", address="10.0.0.2")

    for number in ("+254700000003", "+256772123456", "+4915123456789"):
        with pytest.raises(SmsUnavailable):
            services.spend_message(to=number, address="10.0.0.3")

    assert [record.getMessage() for record in caplog.records] == ["sms_country_cap_reached"]


def test_shop_without_a_carrier_sends_nothing(settings):
    settings.SMS = {"BACKEND": ""}

    with pytest.raises(SmsUnavailable):
        services.spend_message(to=PHONE, address="10.0.0.1")

    assert not Quota.objects.exists()


def test_quota_is_exact_under_concurrency(together):
    results = together(*[lambda: spend("test", "somebody", "7/100000000")] * 20)

    assert sum(result is None for result in results) == 7
    assert sum(isinstance(result, Throttled) for result in results) == 13
    assert Quota.objects.values_list("used", flat=True).get() == 7


def test_quota_tells_nobody_whose_it_is():
    spend("test", PHONE, "1/60")

    assert "712345678" not in str(Quota.objects.values().get())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8:1:2:3::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
    ],
)
def test_network_is_what_one_customer_holds(one, other, same):
    assert (network_of(one) == network_of(other)) is same


# --- Settings ---------------------------------------------------------------------------------------------------


def test_address_names_the_service():
    assert _service("africastalking://shop:k%40y@api.africastalking.com?sender=SHOP") == {
        "BACKEND": "africastalking",
        "BASE_URL": "https://api.africastalking.com",
        "USERNAME": "shop",
        "API_KEY": "k@y",
        "SENDER": "SHOP",
    }


@pytest.mark.parametrize("url", ["sms://a:b@host", "africastalking://api.africastalking.com", "x", "console"])
def test_other_addresses_stop_the_start(url):
    with pytest.raises(ImproperlyConfigured):
        _service(url)


@pytest.mark.parametrize(
    "url",
    [
        "console://",
        "africastalking+http://a:b@api.africastalking.com",
        "africastalking://a:b@127.0.0.1",
        "africastalking://a:b@localhost",
    ],
)
def test_production_has_neither_console_nor_simulator(url, monkeypatch):
    monkeypatch.setattr("ecommerce.sms_settings.PRODUCTION", True)

    with pytest.raises(ImproperlyConfigured):
        _service(url)


def test_caps_are_read_by_country():
    assert _daily_caps("254=2000, *=0") == {"254": 2000, "*": 0}


@pytest.mark.parametrize("text", ["254", "254=-1", "KE=5", "254=1,,", "0=5"])
def test_other_caps_stop_the_start(text):
    with pytest.raises(ImproperlyConfigured):
        _daily_caps(text)


def test_old_rows_go(settings):
    spend("old", "somebody", "1/60")
    services.begin(reference="code:1", purpose="test", to=PHONE)
    Quota.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    SmsMessage.objects.update(created_at=timezone.now() - settings.SMS_RETENTION - timedelta(days=1))
    spend("new", "somebody", "1/60")
    services.begin(reference="code:2", purpose="test", to=PHONE)

    clean_up()

    assert list(Quota.objects.values_list("scope", flat=True)) == ["new"]
    assert list(SmsMessage.objects.values_list("reference", flat=True)) == ["code:2"]


def test_support_sees_what_became_of_a_message_and_no_number(carrier, staff, client):
    deliver()
    client.force_login(staff)

    listed = client.get("/admin/accounts/smsmessage/")
    shown = client.get(f"/admin/accounts/smsmessage/{SmsMessage.objects.get().pk}/change/")

    for page in (listed, shown):
        assert (page.status_code, "+254 … 678" in page.text, "712345" in page.text) == (200, True, False)
    assert client.post(f"/admin/accounts/smsmessage/{SmsMessage.objects.get().pk}/delete/").status_code == 403
