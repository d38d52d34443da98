"""The accounts that the simulator keeps for the shop: what it is told, and what it tells."""

# The passkey is printed in Safaricom's documentation of the sandbox; nothing here opens anything but a simulator.
_KEYS = {
    "MPESA_CONSUMER_KEY": "simulator-key",
    "MPESA_CONSUMER_SECRET": "simulator-secret",
    "MPESA_SHORTCODE": "174379",
    "MPESA_PASSKEY": "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919",
    "MPESA_TRANSACTION_TYPE": "CustomerPayBillOnline",
    "MPESA_INITIATOR_NAME": "testapi",
    "MPESA_SECURITY_CREDENTIAL": "simulator-credential",
    "MPESA_C2B_SECRET": "simulatedtill0001",
    "PAYSTACK_SECRET_KEY": "sk_test_simulator",
    "CHAPA_SECRET_KEY": "CHASECK_TEST-simulator",
    "CHAPA_WEBHOOK_SECRET": "simulator-secret-hash",
    "STRIPE_SECRET_KEY": "sk_test_simulator_stripe",
    "STRIPE_WEBHOOK_SECRET": "whsec_simulator",
    "PAYPAL_CLIENT_ID": "simulator-client",
    "PAYPAL_CLIENT_SECRET": "simulator-secret",
    "PAYPAL_WEBHOOK_ID": "5EX13806WE220947H",
}
_WITH_WEBHOOKS = ("paystack", "chapa", "stripe", "paypal")


def simulated_accounts(simulator_url: str, shop_url: str) -> dict[str, str]:
    """Return the settings with which the shop at ``shop_url`` and the simulator know each other."""
    host = simulator_url.partition("//")[2]
    return {
        **_KEYS,
        "SIMULATOR_URL": simulator_url,
        "PAYMENT_PROVIDERS": "mpesa,paystack,stripe,paypal,chapa,manual",
        "MPESA_BASE_URL": simulator_url,
        "MPESA_CALLBACK_ADDRESSES": "127.0.0.1",  # where the simulator calls from
        "PAYSTACK_BASE_URL": f"{simulator_url}/paystack",
        "CHAPA_BASE_URL": f"{simulator_url}/chapa/v1",
        "STRIPE_API_BASE": f"{simulator_url}/stripe",
        "PAYPAL_BASE_URL": f"{simulator_url}/paypal",
        "PAYPAL_CERTIFICATE_HOSTS": host,
        "SMS_URL": f"africastalking+http://sandbox:simulator-sms-key@{host}/africastalking?sender=BYTEMTAANI",
        "MANUAL_BANK_INSTRUCTIONS": "Sample Bank, branch 001, account 0123456789, ByteMtaani",
        **{
            f"SIMULATOR_{name.upper()}_WEBHOOK_URL": f"{shop_url}/api/payments/webhooks/{name}/"
            for name in _WITH_WEBHOOKS
        },
    }
