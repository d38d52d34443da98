"""One HTTP request to this machine and nowhere else.

A plain client on asyncio streams: it has no retries, no redirects, no proxies and no name look-up
to switch off, and costs a fraction of a general client's time per request.
"""

import asyncio
import ipaddress
import ssl
from urllib.parse import SplitResult, urlsplit

import h11

CONNECT_SECONDS = 2.0
TOTAL_SECONDS = 8.0
KEPT_ANSWER_BYTES = 500
_READ_BYTES = 16_384


class NotDelivered(Exception):
    """No answer came; the message says why."""


def loopback_addresses(url: str) -> list[str]:
    """Return the addresses to try for a URL of this machine, none for any other.

    Names other than localhost are not looked up: the answer could point anywhere.
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return []
    if host == "localhost":
        return ["127.0.0.1", "::1"]
    try:
        return [host] if ipaddress.ip_address(host).is_loopback else []
    except ValueError:
        return []


async def post(url: str, headers: dict[str, str], body: str) -> tuple[int, str]:
    """Post once; see ``send``."""
    return await send("POST", url, headers, body)


async def send(method: str, url: str, headers: dict[str, str], body: str) -> tuple[int, str]:
    """Send one request; return the status and the beginning of the answer.

    Raises:
        NotDelivered: no connection, no complete answer within the time, or not HTTP.
    """
    try:
        async with asyncio.timeout(TOTAL_SECONDS):
            return await _send(method, url, headers, body.encode())
    except TimeoutError as error:
        raise NotDelivered("no answer in time") from error
    except (OSError, h11.ProtocolError, asyncio.IncompleteReadError) as error:
        raise NotDelivered(f"{type(error).__name__}: {error}".rstrip(": ")) from error


async def _send(method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
    parts = urlsplit(url)
    reader, writer = await _connect(parts, loopback_addresses(url))
    try:
        connection = h11.Connection(h11.CLIENT)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        length = [("Content-Length", str(len(body)))] if body or method != "GET" else []
        request = h11.Request(
            method=method,
            target=target,
            headers=[
                ("Host", parts.netloc.rpartition("@")[2]),
                *headers.items(),
                *length,
                ("Connection", "close"),
            ],
        )
        events = (request, h11.Data(data=body), h11.EndOfMessage())
        writer.write(b"".join(connection.send(event) or b"" for event in events))
        await writer.drain()
        return await _read_answer(connection, reader)
    finally:
        writer.close()


async def _connect(parts: SplitResult, addresses: list[str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    problem: OSError = ConnectionRefusedError("no address to contact")
    for address in addresses:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await asyncio.open_connection(address, port, ssl=_trusting() if secure else None)
        except OSError as error:  # TimeoutError is one as well
            problem = error
    raise problem


def _trusting() -> ssl.SSLContext:
    """Accept any certificate: on loopback they are self-signed, and nobody else listens there."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _read_answer(connection: h11.Connection, reader: asyncio.StreamReader) -> tuple[int, str]:
    status, kept = 0, b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_READ_BYTES))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            kept = (kept + bytes(event.data))[:KEPT_ANSWER_BYTES]
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            return status, kept.decode(errors="replace")
