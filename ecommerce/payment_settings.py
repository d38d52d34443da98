"""Settings of payments: which services are switched on, and what each of them needs."""

from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from ecommerce.environment import PRODUCTION, env, whole_number

# Which services new payments may use; the first that offers a way of paying collects it.
PAYMENT_PROVIDERS = env.list("PAYMENT_PROVIDERS", default=["mpesa"])
# Services beside the built-in ones, as name=dotted.path.of.the.Class, separated by commas.
PAYMENT_PROVIDER_CLASSES = env.dict("PAYMENT_PROVIDER_CLASSES", default={})
PROVIDER_CONNECT_TIMEOUT = 3.0
PROVIDER_READ_TIMEOUT = 10.0
# How many threads of one web process may wait for payment services at once; the others keep serving.
PROVIDER_THREADS = whole_number("PROVIDER_THREADS", 2, most=64)
# A prompt on a stranger's phone is abuse: at most so many pushes to one number in the window.
PAYMENT_PHONE_LIMIT = (whole_number("PAYMENT_PHONE_LIMIT", 3, most=1_000_000), timedelta(minutes=10))


def provider_url(name: str, default: str) -> str:
    """Return a payment service's address; in production it must be https and no simulator."""
    url: str = env.str(name, default=default).rstrip("/")
    host = urlsplit(url).hostname or ""
    try:
        on_this_machine = not ip_address(host).is_global
    except ValueError:  # a name
        on_this_machine = host.rstrip(".") == "localhost" or "." not in host
    if PRODUCTION and url and (not url.startswith("https://") or on_this_machine):
        raise ImproperlyConfigured(f"{name} must be https and no simulator in production.")
    return url


def require_settings(provider: str, values: dict[str, str]) -> None:
    """Refuse to start in production while a service that is switched on lacks a setting."""
    for name, value in values.items():
        if PRODUCTION and provider in PAYMENT_PROVIDERS and not value:
            raise ImproperlyConfigured(f"{name} is not set, but PAYMENT_PROVIDERS names {provider}.")


MPESA = {
    "BASE_URL": provider_url("MPESA_BASE_URL", "" if PRODUCTION else "https://sandbox.safaricom.co.ke"),
    "CONSUMER_KEY": env.str("MPESA_CONSUMER_KEY", default=""),
    "CONSUMER_SECRET": env.str("MPESA_CONSUMER_SECRET", default=""),
    "SHORTCODE": env.str("MPESA_SHORTCODE", default=""),
    "TILL_NUMBER": env.str("MPESA_TILL_NUMBER", default=""),
    "PASSKEY": env.str("MPESA_PASSKEY", default=""),
    "TRANSACTION_TYPE": env.str("MPESA_TRANSACTION_TYPE", default="CustomerPayBillOnline"),
    # An operator of the M-PESA organisation portal: refunds, payouts and questions about receipts need one.
    "INITIATOR_NAME": env.str("MPESA_INITIATOR_NAME", default=""),
    "SECURITY_CREDENTIAL": env.str("MPESA_SECURITY_CREDENTIAL", default=""),
    # The shortcode that pays out; where it is another than the one that collects.
    "B2C_SHORTCODE": env.str("MPESA_B2C_SHORTCODE", default=""),
    # Part of the addresses that Safaricom is given for paybill and till payments. Without it, what is said there is
    # only a claim until Safaricom's list or a statement confirms it.
    "C2B_SECRET": env.str("MPESA_C2B_SECRET", default=""),
    # Where callbacks are said to come from; an address outside the list is doubted, not dropped.
    "CALLBACK_ADDRESSES": env.list(
        "MPESA_CALLBACK_ADDRESSES",
        default=[
            "196.201.214.200",
            "196.201.214.206",
            "196.201.214.207",
            "196.201.214.208",
            "196.201.213.114",
            "196.201.213.44",
            "196.201.212.127",
            "196.201.212.138",
            "196.201.212.129",
            "196.201.212.136",
            "196.201.212.74",
            "196.201.212.69",
        ],
    ),
    "MAX_AMOUNT": whole_number("MPESA_MAX_AMOUNT", 250_000, most=100_000_000),
}
require_settings(
    "mpesa",
    {
        f"MPESA_{name}": str(MPESA[name])
        for name in ("BASE_URL", "CONSUMER_KEY", "CONSUMER_SECRET", "SHORTCODE", "PASSKEY")
    },
)
if MPESA["TRANSACTION_TYPE"] not in ("CustomerPayBillOnline", "CustomerBuyGoodsOnline"):
    raise ImproperlyConfigured(
        "MPESA_TRANSACTION_TYPE must be CustomerPayBillOnline (paybill) or CustomerBuyGoodsOnline (till)."
    )

PAYSTACK = {
    "BASE_URL": provider_url("PAYSTACK_BASE_URL", "https://api.paystack.co"),
    "SECRET_KEY": env.str("PAYSTACK_SECRET_KEY", default=""),
    # The key before the present one: what was signed with it is taken for a while after a change.
    "FORMER_SECRET_KEY": env.str("PAYSTACK_FORMER_SECRET_KEY", default=""),
}
require_settings("paystack", {"PAYSTACK_SECRET_KEY": PAYSTACK["SECRET_KEY"]})

CHAPA = {
    "BASE_URL": provider_url("CHAPA_BASE_URL", "https://api.chapa.co/v1"),
    "SECRET_KEY": env.str("CHAPA_SECRET_KEY", default=""),
    "WEBHOOK_SECRET": env.str("CHAPA_WEBHOOK_SECRET", default=""),
}
require_settings("chapa", {f"CHAPA_{name}": CHAPA[name] for name in ("SECRET_KEY", "WEBHOOK_SECRET")})

STRIPE = {
    "API_BASE": provider_url("STRIPE_API_BASE", "https://api.stripe.com"),
    "SECRET_KEY": env.str("STRIPE_SECRET_KEY", default=""),
    # Several, separated by commas, while one is being changed.
    "WEBHOOK_SECRETS": env.list("STRIPE_WEBHOOK_SECRET", default=[]),
}
require_settings(
    "stripe",
    {"STRIPE_SECRET_KEY": str(STRIPE["SECRET_KEY"]), "STRIPE_WEBHOOK_SECRET": ",".join(STRIPE["WEBHOOK_SECRETS"])},
)

PAYPAL = {
    "BASE_URL": provider_url(
        "PAYPAL_BASE_URL", "https://api-m.paypal.com" if PRODUCTION else "https://api-m.sandbox.paypal.com"
    ),
    "CLIENT_ID": env.str("PAYPAL_CLIENT_ID", default=""),
    "CLIENT_SECRET": env.str("PAYPAL_CLIENT_SECRET", default=""),
    "WEBHOOK_ID": env.str("PAYPAL_WEBHOOK_ID", default=""),
    # The currency that shillings are turned into; PayPal takes none of ours.
    "CURRENCY": env.str("PAYPAL_CURRENCY", default="USD"),
    # Whose signing certificates are fetched. Only a simulator needs another host, so production refuses one.
    "CERTIFICATE_HOSTS": env.list("PAYPAL_CERTIFICATE_HOSTS", default=[]),
}
require_settings(
    "paypal", {f"PAYPAL_{name}": str(PAYPAL[name]) for name in ("CLIENT_ID", "CLIENT_SECRET", "WEBHOOK_ID")}
)
if PRODUCTION and PAYPAL["CERTIFICATE_HOSTS"]:
    raise ImproperlyConfigured("PAYPAL_CERTIFICATE_HOSTS is for simulators; production must not have it.")

# What customers are told who pay into the shop's bank account, with \n between lines: bank, branch, account, name.
# Empty: the shop offers no bank transfers that staff confirm.
MANUAL = {
    "BANK_INSTRUCTIONS": env.str("MANUAL_BANK_INSTRUCTIONS", default="", multiline=True).strip(),
    # How long an order that is not shipped keeps its stock for money that only people see, and how many such orders one
    # customer may have: they cost nothing to make.
    "LIFETIME": timedelta(days=whole_number("MANUAL_DAYS", 5, most=365)),
    "MOST_OPEN": whole_number("MANUAL_OPEN_ORDERS", 5, most=1_000_000),
}
if len(MANUAL["BANK_INSTRUCTIONS"]) > 400:
    raise ImproperlyConfigured("MANUAL_BANK_INSTRUCTIONS is longer than 400 characters.")

# The simulated phone that `./shop run` starts; used by demo_purchase alone.
SIMULATOR_URL = env.str("SIMULATOR_URL", default="http://127.0.0.1:8100").rstrip("/")
