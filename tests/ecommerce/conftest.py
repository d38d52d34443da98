import socket
from collections.abc import Callable, Iterator

import pytest

from ecommerce.celery import app


@pytest.fixture
def broker_at() -> Iterator[Callable[[str], None]]:
    """Let Celery publish to another address for this test."""
    before = app.conf.broker_url

    def point(url: str) -> None:
        app.conf.broker_url = url
        app._pool = app.amqp._producer_pool = None  # made anew at the next use

    yield point
    point(before)


@pytest.fixture
def dead_port() -> int:
    """A port that refuses connections."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts and never says anything, as a hung server does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
