"""Where webhooks may go: to public addresses by https, never into the shop's own network.

A name is looked up and every address behind it is checked; whoever sends connects to one of these addresses and asks
no name server again, so that an answer that changes in between (rebinding) leads nowhere.
"""

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from django.conf import settings

MAX_URL = 500
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+")
_PATH = re.compile(r"[!-~]*")  # printable ASCII without spaces: nothing that could begin a header of its own
_PUBLIC_V6 = IPv6Network("2000::/3")  # Source: IANA, IPv6 Address Space; all else is local, reserved or translated
# Not told apart by every release of Python; the metadata services of some clouds live there. Source: RFC 6890
_PROTOCOLS_V4 = IPv4Network("192.0.0.0/24")
_NAT64 = IPv6Network("64:ff9b::/96")  # Source: RFC 6052


class AddressRefused(Exception):
    """Nothing may be sent there. ``code`` is for programs, the text for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True)
class Target:
    """A checked destination. ``addresses`` are what ``host`` stood for when it was checked; ``path`` has the query."""

    host: str
    port: int
    path: str
    is_tls: bool
    addresses: tuple[str, ...]

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"


def target_of(url: str) -> Target:
    """Look up where a URL leads.

    Raises:
        AddressRefused: it is no plain https address, its host is unknown, or one of its addresses is not public.
    """
    scheme, host, port, path = _parts(url)
    addresses = _addresses(host, port)
    if settings.WEBHOOK_LOOPBACK and all(ip_address(each).is_loopback for each in addresses):
        return Target(host, port, path, scheme == "https", addresses)
    if scheme != "https" or port != 443:
        raise AddressRefused("https_required", "Give an https address on port 443.")
    if not all(is_public(each) for each in addresses):
        raise AddressRefused("address_not_public", "This host has an address that is not public.")
    return Target(host, port, path, True, addresses)


def is_public(text: str) -> bool:
    """Tell whether an IP address, or the IPv4 address inside it, is one of the public internet."""
    address = _unwrapped(ip_address(text.partition("%")[0]))
    if isinstance(address, IPv6Address) and (
        address not in _PUBLIC_V6 or address.sixtofour is not None or address.teredo is not None
    ):
        return False
    if isinstance(address, IPv4Address) and address in _PROTOCOLS_V4:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _parts(url: str) -> tuple[str, str, int, str]:
    wrong = AddressRefused("invalid_url", "Give an address such as https://example.com/webhooks.")
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        raise wrong from None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # What urlsplit drops without a word (tabs, line ends) and what others read otherwise (\) is refused.
    is_plain = len(url) <= MAX_URL and _PATH.fullmatch(url) and "\\" not in url and not parts.fragment
    if not is_plain or parts.scheme not in ("http", "https") or "@" in parts.netloc or not _HOST.fullmatch(host):
        raise wrong
    return parts.scheme, host, port, path


def _addresses(host: str, port: int) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        raise AddressRefused("unknown_host", "Nobody knows this host.") from None
    addresses = tuple(dict.fromkeys(str(each[4][0]) for each in found))
    if not addresses:
        raise AddressRefused("unknown_host", "Nobody knows this host.")
    return addresses
