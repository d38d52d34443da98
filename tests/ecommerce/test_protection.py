"""What tests/conftest.py promises to all other tests."""

import socket

import pytest
from django.conf import settings
from django.core.cache import cache, caches

from ecommerce.celery import app
from tests.conftest import RealNetworkForbidden

seen: list[str] = []


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("192.0.2.1", 443), ("8.8.8.8", 53), ("safaricom.example", 80)])
@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_nothing_leaves_this_machine(address, method):
    with socket.socket() as line, pytest.raises(RealNetworkForbidden):
        getattr(line, method)(address)


def test_this_machine_may_be_called():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as line:
        assert line.getpeername() == server.getsockname()


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_redis_keys_and_a_queue_of_its_own(turn):
    before = cache.get("canary")
    cache.set("canary", turn)

    names = {settings.CACHES["default"]["KEY_PREFIX"], caches["default"].key_prefix, app.conf.task_default_queue}

    assert before is None
    assert len(names) == 1
    assert names.isdisjoint(seen)
    seen.extend(names)
