import pytest

from simulator.settings import BadSettings, settings_from_environment


def test_settings_of_the_merchant_s_operator_and_accounts_are_read():
    environ = {
        "SIMULATOR_STRICT_LENGTHS": "off",
        "SIMULATOR_WALLET_LIMIT": "500000",
        "SIMULATOR_INITIATOR_NAME": "shopapi",
        "SIMULATOR_INITIATOR_PASSWORD": "secret",
        "SIMULATOR_B2C_SHORTCODE": "600111",
        "SIMULATOR_B2C_CHARGE": "9",
        "SIMULATOR_UTILITY_BALANCE": "1000",
        "SIMULATOR_WORKING_BALANCE": "0",
        "SIMULATOR_PARTIAL_REVERSALS": "on",
        "SIMULATOR_C2B_REGISTER_AGAIN": "off",
        "SIMULATOR_C2B_STRICT_URLS": "off",
        "SIMULATOR_C2B_VALIDATION": "off",
        "SIMULATOR_C2B_VALIDATION_SECONDS": "1.5",
        "SIMULATOR_C2B_FOR_STK": "off",
        "SIMULATOR_PULL_PAGE": "7",
    }

    daraja = settings_from_environment(environ).daraja

    assert daraja.strict_lengths is False
    assert (daraja.wallet_limit, daraja.b2c_charge, daraja.pull_page) == (500_000, 9, 7)
    assert (daraja.initiator_name, daraja.initiator_password, daraja.b2c_shortcode) == ("shopapi", "secret", "600111")
    assert (daraja.utility_balance, daraja.working_balance) == (1000, 0)
    assert (daraja.partial_reversals, daraja.c2b_register_again, daraja.c2b_strict_urls) == (True, False, False)
    assert (daraja.c2b_validation, daraja.c2b_validation_seconds, daraja.c2b_for_stk) == (False, 1.5, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIMULATOR_B2C_SHORTCODE", "shop"),
        ("SIMULATOR_UTILITY_BALANCE", "-1"),
        ("SIMULATOR_C2B_VALIDATION", "maybe"),
        ("SIMULATOR_PULL_PAGE", "0"),
    ],
)
def test_settings_that_cannot_be_used_stop_the_start(name, value):
    with pytest.raises(BadSettings, match=name):
        settings_from_environment({name: value})


def test_long_texts_pass_the_gateway_where_the_settings_say_so(start_shop):
    _, shop = start_shop(strict_lengths=False)

    accepted = shop.push(AccountReference="an order of 24 characters", TransactionDesc="Lipa na mpesa online")
    too_long = shop.push(AccountReference="x" * 183, msisdn="254722000111")

    assert (accepted.status_code, too_long.json()["errorMessage"]) == (200, "Bad Request - Invalid AccountReference")


def test_address_with_a_forbidden_word_is_taken_where_the_settings_say_so(start_shop, inbox):
    _, shop = start_shop(c2b_strict_urls=False)

    response = shop.register(ConfirmationURL=f"{inbox.url}/mpesa/", ValidationURL=None)

    assert response.status_code == 200
