"""Where a request came from."""

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the client's IP address as the outermost trusted proxy saw it.

    Only the last ``TRUSTED_PROXIES`` hops of X-Forwarded-For are ours; whatever stands before them, the client
    may have written itself.
    """
    direct: str = request.META.get("REMOTE_ADDR", "")
    hops = settings.TRUSTED_PROXIES
    if not hops:
        return direct
    chain = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    return chain[-hops] if len(chain) >= hops else direct
