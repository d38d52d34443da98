"""Settings of invoices: who sells, and whom the tax authority hears it from."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from ecommerce.environment import PRODUCTION, env, whole_number
from ecommerce.kra import is_kra_pin

# Who sells, as invoices name them. An invoice keeps what was set when it was issued.
SHOP_LEGAL_NAME: str = env.str("SHOP_LEGAL_NAME", default="").strip() or env.str("SHOP_NAME", default="ByteMtaani")
SHOP_PIN: str = env.str("SHOP_PIN", default="").strip().upper()  # KRA PIN
SHOP_ADDRESS: str = env.str("SHOP_ADDRESS", default="", multiline=True).strip()  # with \n between lines
SHOP_PHONE: str = env.str("SHOP_PHONE", default="").strip()
SHOP_EMAIL: str = env.str("SHOP_EMAIL", default="").strip()
if SHOP_PIN and not is_kra_pin(SHOP_PIN):
    raise ImproperlyConfigured(f"SHOP_PIN is {SHOP_PIN!r}; it must be a letter, nine digits and a letter.")
if len(SHOP_ADDRESS) > 400 or SHOP_ADDRESS.count("\n") > 5:
    raise ImproperlyConfigured("SHOP_ADDRESS is longer than 400 characters or six lines.")

# eTIMS, KRA's electronic invoices. Without a base URL nothing is sent.
ETIMS: dict[str, Any] = {
    "BASE_URL": env.str("ETIMS_BASE_URL", default="").rstrip("/"),
    "BRANCH": env.str("ETIMS_BRANCH", default="00").strip(),
    "DEVICE_SERIAL": env.str("ETIMS_DEVICE_SERIAL", default="").strip(),
    "CMC_KEY": env.str("ETIMS_CMC_KEY", default="").strip(),
    # The control unit's id, as its initialisation told it; printed on receipts.
    "SCU_ID": env.str("ETIMS_SCU_ID", default="").strip(),
    # What a receipt's QR code begins with; PIN, branch and signature follow.
    "QR_URL": env.str(
        "ETIMS_QR_URL", default="https://etims.kra.go.ke/common/link/etims/receipt/indexEtimsReceiptData?Data="
    ),
    # What goods are to KRA that have no class of their own.
    "ITEM_CLASS": env.str("ETIMS_ITEM_CLASS", default="").strip(),
    "TIMEOUT": whole_number("ETIMS_TIMEOUT_SECONDS", 20, most=30),  # below the limit of owed work
}
if ETIMS["BASE_URL"]:
    if PRODUCTION and not str(ETIMS["BASE_URL"]).startswith("https://"):
        raise ImproperlyConfigured("ETIMS_BASE_URL must be https in production.")
    for _name, _value in (
        ("SHOP_PIN", SHOP_PIN),
        ("ETIMS_BRANCH", ETIMS["BRANCH"]),
        ("ETIMS_DEVICE_SERIAL", ETIMS["DEVICE_SERIAL"]),
        ("ETIMS_CMC_KEY", ETIMS["CMC_KEY"]),
    ):
        if not _value:
            raise ImproperlyConfigured(f"{_name} is not set, but ETIMS_BASE_URL is.")
