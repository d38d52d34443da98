"""Settings of text messages, codes and links: who sends them, and how many the shop is willing to pay for."""

import re
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from ecommerce.environment import ENVIRONMENT, PRODUCTION, env, rate, whole_number

_FORM = "africastalking://username:api-key@api.africastalking.com?sender=NAME"


def _service(url: str) -> dict[str, str]:
    """Return the parts of ``SMS_URL``; ``BACKEND`` is empty where no messages are sent.

    Raises:
        ImproperlyConfigured: it has another form, or production must not have it.
    """
    service = {"BACKEND": "", "BASE_URL": "", "USERNAME": "", "API_KEY": "", "SENDER": ""}
    if not url:
        return service
    parts = urlsplit(url)
    if parts.scheme == "console" and not PRODUCTION:
        return service | {"BACKEND": "console"}
    if parts.scheme == "console":
        raise ImproperlyConfigured("SMS_URL is console://, which prints codes; production never starts with it.")
    if parts.scheme not in ("africastalking", "africastalking+http") or not (
        parts.hostname and parts.username and parts.password
    ):
        raise ImproperlyConfigured(f"SMS_URL must be console:// or {_FORM}.")
    if PRODUCTION and (parts.scheme != "africastalking" or not _is_public(parts.hostname)):
        raise ImproperlyConfigured("SMS_URL must be https and no simulator in production.")
    return {
        "BACKEND": "africastalking",
        "BASE_URL": f"{'http' if parts.scheme.endswith('http') else 'https'}://{parts.netloc.rpartition('@')[2]}"
        f"{parts.path.rstrip('/')}",
        "USERNAME": unquote(parts.username),
        "API_KEY": unquote(parts.password),
        "SENDER": parse_qs(parts.query).get("sender", [""])[0],
    }


def _is_public(host: str) -> bool:
    try:
        return ip_address(host).is_global
    except ValueError:  # a name
        return "." in host and host.rstrip(".") != "localhost"


def _daily_caps(text: str) -> dict[str, int]:
    """Read ``254=2000,*=100``: messages a day by country calling code, ``*`` for each of the others."""
    caps = {}
    for part in text.split(","):
        if not re.fullmatch(r"(?:[1-9][0-9]{0,2}|\*)=[0-9]{1,9}", part.strip()):
            raise ImproperlyConfigured(f"SMS_DAILY_CAPS has {part.strip()!r}; it takes pairs such as 254=2000,*=100.")
        country, most = part.strip().split("=")
        caps[country] = int(most)
    return caps


SMS = _service(env.str("SMS_URL", default="" if PRODUCTION else "console://").strip())
# A message costs money, and somebody else's phone is no place for jokes. Counted in PostgreSQL.
SMS_DAILY_CAPS = _daily_caps(env.str("SMS_DAILY_CAPS", default="").strip() or "254=2000,*=100")
SMS_PER_PHONE = rate("SMS_PER_PHONE", "3/3600")
SMS_PER_PHONE_DAILY = rate("SMS_PER_PHONE_DAILY", "10/86400")
# A laptop, where everybody is 127.0.0.1, gets more.
SMS_PER_NETWORK = rate("SMS_PER_NETWORK", "2000/3600" if ENVIRONMENT == "local" else "20/3600")
# Codes that are typed, right or wrong, from one network.
CODE_TRIES_PER_NETWORK = rate("CODE_TRIES_PER_NETWORK", "6000/3600" if ENVIRONMENT == "local" else "60/3600")
# Codes that are typed for one address, of however many mails.
CODE_TRIES_PER_EMAIL = rate("CODE_TRIES_PER_EMAIL", "20/86400")
# Mails with links that set a password or confirm another address.
RESET_PER_ADDRESS = rate("RESET_PER_ADDRESS", "3/3600")
RESET_PER_NETWORK = rate("RESET_PER_NETWORK", "2000/3600" if ENVIRONMENT == "local" else "20/3600")
CODE_LIFETIME = timedelta(seconds=whole_number("CODE_LIFETIME_SECONDS", 300, least=60, most=600))
SMS_RETENTION = timedelta(days=whole_number("SMS_RETENTION_DAYS", 90, most=3650))
