"""Settings, read from the environment once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

# Printed in Safaricom's public documentation of the sandbox; it protects nothing.
SANDBOX_PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"


class BadSettings(Exception):
    """The simulator must not start; the message is one sentence for a person."""


@dataclass(frozen=True)
class DarajaSettings:
    """M-Pesa's side. Amounts are whole shillings."""

    consumer_key: str = "simulator-key"
    consumer_secret: str = "simulator-secret"  # noqa: S105 - it opens nothing but this simulator
    shortcode: str = "174379"
    till: str = ""  # the only till accepted as PartyB of a buy-goods push; any, when empty
    passkey: str = SANDBOX_PASSKEY
    merchant_name: str = "BYTEMTAANI"
    pin: str = "1234"
    prompt_seconds: float = 60.0
    token_seconds: float = 3599.0
    # Safaricom's FAQ says that a new token ends the one before it.
    single_token: bool = True
    balance: int = 500_000
    transaction_limit: int = 250_000
    daily_limit: int = 500_000
    # Result 17 for a second payment of the same amount by the same phone within two minutes.
    refuse_repeats: bool = False
    strict_lengths: bool = True  # refuse an AccountReference over 12 characters
    # What a wallet can hold. M-Pesa's limit is 500,000, with which a phone here starts.
    wallet_limit: int = 1_000_000
    # The operator of B2C, reversals, transaction status and account balance. Safaricom's test portal shows these.
    initiator_name: str = "testapi"
    initiator_password: str = "Safaricom999!*!"  # noqa: S105 - it opens nothing but this simulator
    b2c_shortcode: str = "600992"  # the merchant's second shortcode, for payouts; the first one may pay out as well
    b2c_charge: int = 5  # of each payout, paid by the merchant
    utility_balance: int = 250_000  # in the merchant's accounts before the first movement
    working_balance: int = 100_000
    partial_reversals: bool = False
    c2b_register_again: bool = True  # production takes one registration, the sandbox any number
    c2b_strict_urls: bool = True  # refuse addresses with the words that Safaricom forbids
    c2b_validation: bool = True  # ask the ValidationURL where one is registered
    c2b_validation_seconds: float = 8.0
    c2b_for_stk: bool = True  # an STK payment also reaches the ConfirmationURL
    pull_page: int = 100  # rows in one answer of the pull list


@dataclass(frozen=True)
class PaystackSettings:
    secret_key: str = "sk_test_simulator"  # noqa: S105 - it opens nothing but this simulator
    webhook_url: str = ""
    callback_url: str = ""  # where customers go whose transaction names no address of its own
    merchant_name: str = "ByteMtaani"
    confirm_seconds: float = 180.0  # for mobile money
    step_seconds: float = 0.2  # between the states of a refund, and of a transfer that is not at once


@dataclass(frozen=True)
class ChapaSettings:
    secret_key: str = "CHASECK_TEST-simulator"  # noqa: S105 - it opens nothing but this simulator
    webhook_secret: str = "simulator-secret-hash"  # noqa: S105 - it opens nothing but this simulator
    webhook_url: str = ""
    merchant_name: str = "ByteMtaani"
    link_seconds: float = 3600.0  # how long a payment link lives
    step_seconds: float = 0.2  # until a refund or a transfer is through


@dataclass(frozen=True)
class StripeSettings:
    secret_key: str = "sk_test_simulator_stripe"  # noqa: S105 - it opens nothing but this simulator
    webhook_secret: str = "whsec_simulator"  # noqa: S105 - it opens nothing but this simulator
    webhook_url: str = ""


@dataclass(frozen=True)
class PayPalSettings:
    client_id: str = "simulator-client"
    client_secret: str = "simulator-secret"  # noqa: S105 - it opens nothing but this simulator
    webhook_id: str = "5EX13806WE220947H"
    webhook_url: str = ""


@dataclass(frozen=True)
class EtimsSettings:
    tin: str = "P051234567Q"
    branch: str = "00"
    cmc_key: str = "simulator-cmc-key"
    scu_id: str = "KRACU0300000001"


@dataclass(frozen=True)
class AfricasTalkingSettings:
    username: str = "sandbox"
    api_key: str = "simulator-sms-key"


@dataclass(frozen=True)
class Settings:
    state: str = ":memory:"
    seed: int = 0
    daraja: DarajaSettings = field(default_factory=DarajaSettings)
    paystack: PaystackSettings = field(default_factory=PaystackSettings)
    chapa: ChapaSettings = field(default_factory=ChapaSettings)
    stripe: StripeSettings = field(default_factory=StripeSettings)
    paypal: PayPalSettings = field(default_factory=PayPalSettings)
    etims: EtimsSettings = field(default_factory=EtimsSettings)
    africastalking: AfricasTalkingSettings = field(default_factory=AfricasTalkingSettings)


def settings_from_environment(environ: Mapping[str, str], *, state: str = ":memory:", seed: int = 0) -> Settings:
    """Read every ``SIMULATOR_…`` variable.

    Raises:
        BadSettings: a value cannot be used, or this is a production environment.
    """
    if environ.get("ENVIRONMENT", "").strip().lower() == "production":
        raise BadSettings("The payment simulator does not start where ENVIRONMENT is production.")
    return Settings(
        state=state,
        seed=seed,
        daraja=_daraja_settings(environ),
        paystack=PaystackSettings(**_plain(environ, "PAYSTACK", PaystackSettings)),
        chapa=ChapaSettings(**_plain(environ, "CHAPA", ChapaSettings)),
        stripe=StripeSettings(**_plain(environ, "STRIPE", StripeSettings)),
        paypal=PayPalSettings(**_plain(environ, "PAYPAL", PayPalSettings)),
        etims=EtimsSettings(**_plain(environ, "ETIMS", EtimsSettings)),
        africastalking=AfricasTalkingSettings(**_plain(environ, "AFRICASTALKING", AfricasTalkingSettings)),
    )


def _daraja_settings(environ: Mapping[str, str]) -> DarajaSettings:
    default = DarajaSettings()

    def text(name: str, fallback: str) -> str:
        return environ.get(f"SIMULATOR_{name}", "") or fallback

    def shillings(name: str, fallback: int) -> int:
        return int(_matching(name, text(name, str(fallback)), r"[0-9]{1,9}", "whole shillings"))

    def switch(name: str, fallback: bool) -> bool:
        return _switch(name, text(name, "on" if fallback else "off"))

    def seconds(name: str, fallback: float) -> float:
        return _seconds(name, text(name, str(fallback)))

    return DarajaSettings(
        consumer_key=text("CONSUMER_KEY", default.consumer_key),
        consumer_secret=text("CONSUMER_SECRET", default.consumer_secret),
        shortcode=_matching("SHORTCODE", text("SHORTCODE", default.shortcode), r"[0-9]{5,7}", "5 to 7 digits"),
        till=_matching("TILL", text("TILL", default.till), r"([0-9]{5,7})?", "5 to 7 digits"),
        passkey=text("PASSKEY", default.passkey),
        merchant_name=text("MERCHANT", default.merchant_name),
        pin=_matching("PIN", text("PIN", default.pin), r"[0-9]{4}", "4 digits"),
        prompt_seconds=seconds("PROMPT_SECONDS", default.prompt_seconds),
        token_seconds=seconds("TOKEN_SECONDS", default.token_seconds),
        single_token=switch("SINGLE_TOKEN", default.single_token),
        balance=shillings("BALANCE", default.balance),
        refuse_repeats=switch("REFUSE_REPEATS", default.refuse_repeats),
        strict_lengths=switch("STRICT_LENGTHS", default.strict_lengths),
        wallet_limit=shillings("WALLET_LIMIT", default.wallet_limit),
        initiator_name=text("INITIATOR_NAME", default.initiator_name),
        initiator_password=text("INITIATOR_PASSWORD", default.initiator_password),
        b2c_shortcode=_matching(
            "B2C_SHORTCODE", text("B2C_SHORTCODE", default.b2c_shortcode), r"[0-9]{5,7}", "5 to 7 digits"
        ),
        b2c_charge=shillings("B2C_CHARGE", default.b2c_charge),
        utility_balance=shillings("UTILITY_BALANCE", default.utility_balance),
        working_balance=shillings("WORKING_BALANCE", default.working_balance),
        partial_reversals=switch("PARTIAL_REVERSALS", default.partial_reversals),
        c2b_register_again=switch("C2B_REGISTER_AGAIN", default.c2b_register_again),
        c2b_strict_urls=switch("C2B_STRICT_URLS", default.c2b_strict_urls),
        c2b_validation=switch("C2B_VALIDATION", default.c2b_validation),
        c2b_validation_seconds=seconds("C2B_VALIDATION_SECONDS", default.c2b_validation_seconds),
        c2b_for_stk=switch("C2B_FOR_STK", default.c2b_for_stk),
        pull_page=int(
            _matching("PULL_PAGE", text("PULL_PAGE", str(default.pull_page)), r"[1-9][0-9]{0,5}", "a number of rows")
        ),
    )


def _plain(environ: Mapping[str, str], prefix: str, settings: type[Any]) -> dict[str, Any]:
    """Read a provider's settings that are text or seconds: ``SIMULATOR_PAYSTACK_SECRET_KEY`` and so on."""
    values: dict[str, Any] = {}
    for entry in fields(settings):
        name = f"{prefix}_{entry.name.upper()}"
        given = environ.get(f"SIMULATOR_{name}", "")
        if given and entry.type in (str, "str"):
            values[entry.name] = given
        elif given and entry.type in (float, "float"):
            values[entry.name] = _seconds(name, given)
    return values


def _matching(name: str, value: str, pattern: str, meaning: str) -> str:
    if not re.fullmatch(pattern, value):
        raise BadSettings(f"SIMULATOR_{name} must be {meaning}, not {value!r}.")
    return value


def _seconds(name: str, value: str) -> float:
    return float(_matching(name, value, r"[0-9]{1,6}(\.[0-9]{1,3})?", "a number of seconds"))


def _switch(name: str, value: str) -> bool:
    return _matching(name, value.lower(), r"on|off|true|false|1|0", "on or off") in {"on", "true", "1"}
