"""Where a request came from."""

from ipaddress import IPv6Address, ip_address, ip_network

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
    forwarded: str = request.META.get("HTTP_X_FORWARDED_FOR", "")
    chain = [part.strip() for part in forwarded.split(",") if part.strip()]
    if len(chain) < hops or not _is_address(chain[-hops]):
        return direct  # the request came around our proxies
    return chain[-hops]


def client_network(address: str) -> str:
    """Return what is counted as one client: an IPv4 address, or a /64 of IPv6, which every home gets whole."""
    if ":" not in address:
        return address
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), 64), strict=False))


def _is_address(text: str) -> bool:
    try:
        return "%" not in str(ip_address(text))  # a zone ("fe80::1%eth0") means nothing to the database
    except ValueError:
        return False
