"""What ``check_mpesa_settings`` does beyond looking, when it is asked to."""

import os
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from payments.management.commands import check_mpesa_settings
from payments.models import ProviderEvent
from payments.testing.network import Failure, Reply
from tests.payments.mpesa_settings import LIVE, SECRET, UNKNOWN_CHECKOUT, check, public_internet
from tests.payments.providers.mpesa_wire import (
    BALANCE,
    CHECKOUT_ID,
    ORIGINATOR_ID,
    PULL_REGISTER,
    PUSH,
    QUERY,
    REGISTER,
    TOKEN,
    acknowledged,
    gateway_error,
    pairs,
    pushed,
    queried,
    result,
    scripted_network,
)

network = pytest.fixture(scripted_network)
internet = pytest.fixture(autouse=True)(public_internet)


@pytest.fixture(autouse=True)
def daraja():
    """Take the place of the scripted Daraja of the other payment tests."""


def test_nothing_more_is_tried_while_something_is_wrong(capsys, network, settings):
    settings.MPESA = LIVE | {"SHORTCODE": "174379"}

    check(capsys, "--register-c2b", "--balance", "--push", "0712345678", wrong=1)

    assert [sent.route for sent in network.sent] == [TOKEN, QUERY]


def test_addresses_are_registered(capsys, network):
    network.script({REGISTER: Reply(200, {"ResponseCode": "0", "ResponseDescription": "Success"})})

    said, _ = check(capsys, "--register-c2b")

    sent = network.requests_to(REGISTER)[0].json
    assert sent["ConfirmationURL"] == f"https://shop.example/api/payments/till/{SECRET}/confirmation/"
    assert sent["ValidationURL"] == f"https://shop.example/api/payments/till/{SECRET}/validation/"
    assert said["paybill and till payments"] == (
        "ok",
        "Safaricom reports them to https://shop.example/api/payments/till/…",
    )


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (gateway_error(500, "500.003.1001", "Urls are already registered"), "WRONG"),
        (gateway_error(400, "400.003.02", "Bad Request"), "WRONG"),
        (Failure.SILENCE, "not checked"),
    ],
)
def test_addresses_that_are_not_registered(capsys, network, answer, state):
    network.script({REGISTER: answer})

    said, _ = check(capsys, "--register-c2b", wrong=int(state == "WRONG"))

    assert said["paybill and till payments"][0] == state


@pytest.mark.parametrize("option", ["--register-c2b", "--balance"])
def test_without_a_secret_there_is_no_address(capsys, network, settings, option):
    settings.MPESA = LIVE | {"C2B_SECRET": ""}

    check(capsys, option, wrong=1)

    assert network.writes[-1].route == QUERY


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Reply(200, {"ResponseStatus": "1000"}), "ok"),
        (Reply(200, {"ResponseStatus": "1002"}), "WRONG"),
        (Failure.SILENCE, "not checked"),
    ],
)
def test_shortcode_is_registered_for_the_list(capsys, network, answer, state):
    network.script({PULL_REGISTER: answer})

    said, _ = check(capsys, "--register-pull", "0722 000 000", wrong=int(state == "WRONG"))

    assert said["list of received payments"][0] == state
    assert network.requests_to(PULL_REGISTER)[0].json["NominatedNumber"] == "254722000000"


def store_result(code=0, parameters=None, originator_id=ORIGINATOR_ID):
    body = result(code, parameters, originator_id=originator_id)
    ProviderEvent.objects.create(
        provider="mpesa", event_id=os.urandom(8).hex(), kind=ProviderEvent.Kind.TRANSFER_RESULT, body=body
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0, ("ok", "M-PESA takes name and credential.")),
        (2001, ("WRONG", "M-PESA answered with code 2001: the initiator's name or credential is wrong.")),
    ],
)
def test_balance_tries_the_initiator(capsys, network, monkeypatch, code, expected):
    network.script({BALANCE: acknowledged()})
    balance = pairs(("AccountBalance", "Utility Account|KES|228037.00|228037.00|0.00|0.00"))

    def wait(seconds):
        store_result(0, [], originator_id="another")
        store_result(code, None if code else balance)

    monkeypatch.setattr(check_mpesa_settings, "time", SimpleNamespace(sleep=wait))

    said, _ = check(capsys, "--balance", wrong=1 if code else 0)

    assert said["initiator"] == expected
    assert said.get("Utility Account") == (None if code else ("", "KES 228,037.00"))
    assert network.requests_to(BALANCE)[0].json["ResultURL"] == (
        f"https://shop.example/api/payments/till/{SECRET}/result/"
    )


@pytest.mark.django_db
def test_balance_that_never_comes(capsys, network, internet):
    network.script({BALANCE: acknowledged()})

    said, _ = check(capsys, "--balance")

    assert said["initiator"] == ("not checked", "M-PESA took the question, but no answer has come.")
    assert sum(internet) == 60


@pytest.mark.django_db
def test_question_for_the_balance_that_is_refused(capsys, network):
    network.script({BALANCE: gateway_error(400, "400.002.02", "Bad Request - Invalid Initiator")})

    said, _ = check(capsys, "--balance", wrong=1)

    assert said["initiator"] == (
        "WRONG",
        "M-PESA did not take the question (balance question answered 400 400.002.02).",
    )


def answer_with(monkeypatch, answer):
    asked = []

    def reply(question):
        asked.append(question)
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("builtins.input", reply)
    return asked


@pytest.mark.parametrize("answer", ["", "no", "y e s", None])
def test_phone_is_not_asked_without_a_yes(capsys, network, monkeypatch, answer):
    asked = answer_with(monkeypatch, answer)

    said, _ = check(capsys, "--push", "0712345678")

    assert said["test payment"] == ("not checked", "not made.")
    assert asked == ["Ask +254…678 to pay KES 1? Real money moves, in the sandbox too. [yes/no] "]
    assert network.requests_to(PUSH) == []


def test_phone_that_is_none_is_refused(network):
    with pytest.raises(CommandError, match="write it like 0712345678"):
        call_command("check_mpesa_settings", "--push", "0712")

    assert network.requests_to(PUSH) == []


def test_test_payment_is_watched_to_its_end(capsys, network, monkeypatch, internet):
    answer_with(monkeypatch, "yes")
    processing = gateway_error(500, "500.001.1001", "The transaction is being processed")
    network.script({PUSH: pushed(), QUERY: [UNKNOWN_CHECKOUT, processing, Failure.SILENCE, queried("0")]})

    said, _ = check(capsys, "--push", "0712345678")

    (sent,) = network.requests_to(PUSH)
    assert (sent.json["Amount"], sent.json["PhoneNumber"], sent.json["AccountReference"]) == (1, "254712345678", "TEST")
    assert said["test payment"] == ("ok", "KES 1 was paid.")
    assert internet == [20, 15, 25]
    assert [sent.json["CheckoutRequestID"] for sent in network.requests_to(QUERY)[1:]] == [CHECKOUT_ID] * 3


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("1032", ("not checked", "it ended with cancelled_by_customer (code 1032).")),
        ("2028", ("WRONG", "it ended with misconfigured (code 2028).")),
        ("4999", ("not checked", "M-PESA has not said how it ended.")),
    ],
)
def test_test_payment_that_is_not_paid(capsys, network, monkeypatch, internet, code, expected):
    answer_with(monkeypatch, "yes")
    network.script({PUSH: pushed(), QUERY: [UNKNOWN_CHECKOUT, queried(code, "why")]})

    said, _ = check(capsys, "--push", "0712345678", wrong=int(expected[0] == "WRONG"))

    assert said["test payment"] == expected
    assert sum(internet) == 95


@pytest.mark.parametrize(
    ("answer", "state"),
    [(gateway_error(500, "500.001.1001", "Wrong credentials"), "WRONG"), (Failure.SILENCE, "not checked")],
)
def test_test_payment_that_is_not_sent(capsys, network, monkeypatch, answer, state):
    answer_with(monkeypatch, "yes")
    network.script({PUSH: answer})

    said, _ = check(capsys, "--push", "0712345678", wrong=int(state == "WRONG"))

    assert said["test payment"][0] == state
