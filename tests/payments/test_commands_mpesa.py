"""Whether the M-PESA settings are right, told line by line."""

import pytest
from django.core.management import call_command

from payments.providers.mpesa.initiator import Initiator
from payments.testing.network import Failure, Reply
from tests.payments.mpesa_settings import LIVE, UNKNOWN_CHECKOUT, check, public_internet
from tests.payments.providers.mpesa_wire import (
    NO_PRODUCT,
    PUSH,
    QUERY,
    REGISTER,
    TOKEN,
    gateway_error,
    scripted_network,
)

network = pytest.fixture(scripted_network)
internet = pytest.fixture(autouse=True)(public_internet)


@pytest.fixture(autouse=True)
def daraja():
    """Take the place of the scripted Daraja of the other payment tests."""


def test_right_settings_are_told_line_by_line(capsys, network):
    call_command("check_mpesa_settings")

    assert capsys.readouterr().out == (
        "ok           MPESA_BASE_URL: the live M-PESA. Payments move real money.\n"
        "ok           shortcode: paybill 600992.\n"
        "ok           consumer key and secret: Safaricom gives a token for them.\n"
        "ok           passkey: M-PESA takes it with this shortcode.\n"
        "             → --push with your own phone number proves it with KES 1.\n"
        "ok           PUBLIC_BASE_URL: https://shop.example can be found on the internet.\n"
        "             → Open it on a phone without Wi-Fi to be sure.\n"
        "not checked  initiator: shopapi: the credential has the right form.\n"
        "             → --balance tries it, with a question for the balance.\n"
        "ok           MPESA_C2B_SECRET: has the right form.\n"
        "             → Once, --register-c2b tells Safaricom the addresses with it.\n"
        "Nothing is wrong.\n"
    )
    assert [sent.route for sent in network.sent] == [TOKEN, QUERY]
    asked = network.sent[1].json
    assert (asked["CheckoutRequestID"], asked["BusinessShortCode"]) == ("ws_CO_01012000000000000700000000", "600992")


_SECRETS = ("CONSUMER_SECRET", "PASSKEY", "SECURITY_CREDENTIAL", "C2B_SECRET")


def test_no_secret_is_printed(capsys, network):
    network.script({REGISTER: Reply(200, {"ResponseCode": "0", "ResponseDescription": "Success"})})

    call_command("check_mpesa_settings", "--register-c2b")

    told = capsys.readouterr().out
    assert [name for name in _SECRETS if LIVE[name] in told] == []


@pytest.mark.parametrize(
    ("changes", "about", "expected"),
    [
        (
            {"BASE_URL": "https://sandbox.safaricom.co.ke"},
            "MPESA_BASE_URL",
            ("ok", "Safaricom's sandbox, for trying out."),
        ),
        (
            {"BASE_URL": "http://127.0.0.1:8100"},
            "MPESA_BASE_URL",
            ("ok", "127.0.0.1: not Safaricom, but something that stands in for it."),
        ),
        (
            {"BASE_URL": "http://127.0.0.1:8100"},
            "PUBLIC_BASE_URL",
            ("not checked", "https://shop.example: Safaricom is not asked to call it."),
        ),
        ({"SHORTCODE": ""}, "shortcode", ("WRONG", "MPESA_SHORTCODE is not set.")),
        ({"SHORTCODE": "07123"}, "shortcode", ("ok", "paybill 07123.")),
        ({"SHORTCODE": "12-34"}, "shortcode", ("WRONG", "MPESA_SHORTCODE is not 5 to 7 digits.")),
        ({"SHORTCODE": "174379"}, "shortcode", ("WRONG", "174379 is the sandbox's.")),
        (
            {"TILL_NUMBER": "5551234"},
            "shortcode",
            ("WRONG", "MPESA_TILL_NUMBER is set, but MPESA_TRANSACTION_TYPE says paybill."),
        ),
        (
            {"TRANSACTION_TYPE": "CustomerBuyGoodsOnline"},
            "shortcode",
            ("WRONG", "MPESA_TRANSACTION_TYPE says till, but MPESA_TILL_NUMBER is not 5 to 7 digits."),
        ),
        (
            {"TRANSACTION_TYPE": "CustomerBuyGoodsOnline", "TILL_NUMBER": "5551234"},
            "shortcode",
            ("ok", "till 5551234 of the store number 600992."),
        ),
        (
            {"TRANSACTION_TYPE": "CustomerBuyGoodsOnline", "TILL_NUMBER": "600992"},
            "shortcode",
            ("not checked", "till 600992 and store number are the same, which is rare."),
        ),
        (
            {"CONSUMER_KEY": ""},
            "consumer key and secret",
            ("WRONG", "MPESA_CONSUMER_KEY or MPESA_CONSUMER_SECRET is not set."),
        ),
        ({"PASSKEY": ""}, "passkey", ("WRONG", "MPESA_PASSKEY is not set.")),
        (
            {"INITIATOR_NAME": "", "SECURITY_CREDENTIAL": ""},
            "initiator",
            ("not checked", "none is set: refunds and payouts are made by hand."),
        ),
        ({"INITIATOR_NAME": ""}, "initiator", ("WRONG", "MPESA_INITIATOR_NAME is not set.")),
        ({"SECURITY_CREDENTIAL": ""}, "initiator", ("WRONG", "MPESA_SECURITY_CREDENTIAL is not set.")),
        (
            {"SECURITY_CREDENTIAL": "Safaricom999!*!"},
            "initiator",
            ("WRONG", "MPESA_SECURITY_CREDENTIAL is not an encrypted password."),
        ),
        (
            {"SECURITY_CREDENTIAL": "UGFzc3dvcmQ="},
            "initiator",
            ("WRONG", "MPESA_SECURITY_CREDENTIAL is not an encrypted password."),
        ),
        ({"B2C_SHORTCODE": "none"}, "initiator", ("WRONG", "MPESA_B2C_SHORTCODE is not 5 to 7 digits.")),
        (
            {"C2B_SECRET": ""},
            "MPESA_C2B_SECRET",
            ("not checked", "is not set: paybill and till payments are only claims until a statement."),
        ),
        ({"C2B_SECRET": "short"}, "MPESA_C2B_SECRET", ("WRONG", "must be 16 to 100 letters and digits.")),
        ({"C2B_SECRET": "0123456789/01234567"}, "MPESA_C2B_SECRET", ("WRONG", "must be 16 to 100 letters and digits.")),
        (
            {"C2B_SECRET": "Zq8eXe01mpESA23456789"},
            "MPESA_C2B_SECRET",
            ("WRONG", "holds mpesa, exe, for which Safaricom refuses addresses."),
        ),
    ],
)
def test_each_setting_is_judged(capsys, settings, changes, about, expected):
    settings.MPESA = LIVE | changes

    said, advice = check(capsys, wrong=1 if expected[0] == "WRONG" else 0)

    assert said[about] == expected
    assert advice


def test_refused_keys(capsys, network):
    network.script({TOKEN: gateway_error(400, "400.008.01", "Invalid Authentication passed")})

    said, _ = check(capsys, wrong=1)

    assert said["consumer key and secret"] == ("WRONG", "Safaricom refuses them.")
    assert said["passkey"] == ("not checked", "cannot be tried before the keys work.")
    assert network.requests_to(QUERY) == []


@pytest.mark.parametrize("answer", [Failure.REFUSED, Failure.SILENCE, Reply(503, b"")])
def test_safaricom_that_does_not_answer_is_nobodys_fault(capsys, network, answer):
    network.script({TOKEN: answer})

    said, _ = check(capsys)

    assert said["consumer key and secret"][0] == "not checked"


@pytest.mark.parametrize(
    ("answer", "state", "says"),
    [
        (gateway_error(500, "500.001.1001", "Wrong credentials"), "WRONG", "M-PESA refuses it for this shortcode."),
        (
            gateway_error(500, "500.001.1001", "[MerchantValidate] - Wrong credentials"),
            "WRONG",
            "M-PESA refuses it for this shortcode.",
        ),
        (
            gateway_error(500, "500.001.1001", "Merchant does not exist"),
            "WRONG",
            "M-PESA does not know the shortcode.",
        ),
        (
            gateway_error(400, "400.002.02", "Bad Request - Invalid BusinessShortCode"),
            "WRONG",
            "M-PESA does not know the shortcode.",
        ),
        (
            gateway_error(400, "400.002.02", "Bad Request - Invalid Timestamp"),
            "WRONG",
            "M-PESA refuses the time of the request.",
        ),
        (NO_PRODUCT, "WRONG", "the Daraja app may not use M-Pesa Express (STK push)."),
        (UNKNOWN_CHECKOUT, "ok", "M-PESA takes it with this shortcode."),
        (
            gateway_error(500, "500.001.1001", "The transaction does not Exist"),
            "ok",
            "M-PESA takes it with this shortcode.",
        ),
        (
            gateway_error(500, "500.001.1001", "The transaction is being processed"),
            "ok",
            "M-PESA takes it with this shortcode.",
        ),
        (gateway_error(500, "500.001.1001", ""), "not checked", "M-PESA answered 500 500.001.1001."),
        (Reply(403, b"<html>"), "not checked", "M-PESA answered 403 nothing."),
        (
            gateway_error(500, "500.003.02", "System is busy"),
            "not checked",
            "M-PESA answered 500 500.003.02 System is busy.",
        ),
    ],
)
def test_passkey_is_tried_by_a_question_about_nothing(capsys, network, answer, state, says):
    network.script({QUERY: answer})

    said, _ = check(capsys, wrong=int(state == "WRONG"))

    assert said["passkey"] == (state, says)
    assert network.requests_to(PUSH) == []


def test_empty_answer_is_asked_for_again(capsys, network):
    network.script({QUERY: [gateway_error(500, "500.001.1001", ""), UNKNOWN_CHECKOUT]})

    said, _ = check(capsys)

    assert said["passkey"][0] == "ok"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://shop.example", "http://shop.example is not https, so Safaricom does not call it."),
        ("https://Shop.example", "https://Shop.example has capital letters."),
        (
            "https://mpesa.shop.example",
            "https://mpesa.shop.example holds mpesa, for which Safaricom refuses addresses.",
        ),
        ("https://nowhere.example", "nowhere.example has no address on the internet."),
        ("https://home.example", "home.example is 192.168.1.20, which only your own network can reach."),
    ],
)
def test_address_that_safaricom_cannot_call(capsys, settings, url, says):
    settings.PUBLIC_BASE_URL = url

    said, _ = check(capsys, wrong=1)

    assert said["PUBLIC_BASE_URL"] == ("WRONG", says)


def test_stopped_initiator_is_told_and_may_be_tried_again(capsys, settings):
    initiator = Initiator(settings.MPESA)
    for number in (1, 2):
        initiator.note_result("2001", f"AG_{number}")

    said, _ = check(capsys, wrong=1)
    again, _ = check(capsys, "--retry-initiator")

    assert said["initiator"] == ("WRONG", "M-PESA has refused it twice, so it is not used any more.")
    assert again["initiator"][0] == "not checked"
    assert not initiator.is_stopped
