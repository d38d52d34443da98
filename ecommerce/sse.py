"""Server-sent events: their wire format, and the response that carries them.

Source: HTML Living Standard, Server-sent events, "Parsing an event stream".
"""

import random
from collections.abc import AsyncGenerator
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

CONTENT_TYPE = "text/event-stream"
CAN_STREAM = "shop.can_stream"  # true in the environ of a request when the server has room for a stream
HEARTBEAT = b":\n\n"  # a comment; proxies and clients see that the connection lives


def event(name: str, data: bytes, *, event_id: str = "") -> bytes:
    """Return one event; ``data`` is a single line, ``event_id`` comes back as ``Last-Event-ID``."""
    numbered = f"id: {event_id}\n" if event_id else ""
    return b"%sevent: %s\ndata: %s\n\n" % (numbered.encode(), name.encode(), data)


def retry(milliseconds: int) -> bytes:
    """Return the hint how long a client shall wait before it connects again."""
    return b"retry: %d\n\n" % milliseconds


def can_stream(request: HttpRequest) -> bool:
    """Tell whether the server lends streams an event loop; any other would hold a thread until the stream's end."""
    return isinstance(request, ASGIRequest) or bool(request.META.get(CAN_STREAM))


class EventStream(StreamingHttpResponse):
    """An answer whose events are made one by one on an event loop (``ecommerce.serving``)."""

    def __init__(self, events: AsyncGenerator[bytes, None], **kwargs: Any) -> None:
        super().__init__(events, content_type=CONTENT_TYPE, **kwargs)
        self.events = events
        self["Cache-Control"] = "no-store"
        self["X-Accel-Buffering"] = "no"  # nginx passes each event on at once

    def farewell(self) -> bytes:
        """Return what is said when the server stops: come back soon, but not all in the same moment."""
        return retry(random.randint(500, 2500))  # noqa: S311 - spreads load, guards nothing
