"""What every test may use, and what protects tests from each other and the world from them."""

import base64
import json
import os
import shutil
import socket
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import caches
from django.test import override_settings
from redis import Redis
from rest_framework.test import APIClient

from accounts.models import User
from ecommerce.celery import app
from ecommerce.outbox import claim_due
from ecommerce.redis_client import circuit
from tests.clients import client_for
from tests.factories import UserFactory
from tests.racing import at_once

Together = Callable[..., list[Any]]

# --- Protection ---------------------------------------------------------------------------------------------


class RealNetworkForbidden(RuntimeError):
    """A test tried to leave the machine."""


def _is_local(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # a Unix socket
    host = str(address[0])
    return host in ("", "localhost", "::1", "0.0.0.0", "::") or host.startswith("127.")


@pytest.fixture(scope="session", autouse=True)
def no_real_network() -> Iterator[None]:
    """Refuse connections to anything but this machine."""
    patch = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex"):
        original = getattr(socket.socket, name)

        def guarded(self: socket.socket, address: Any, original: Any = original) -> Any:
            if not _is_local(address):
                raise RealNetworkForbidden(f"A test tried to connect to {address!r}.")
            return original(self, address)

        patch.setattr(socket.socket, name, guarded)
    yield
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Argon2 costs a tenth of a second and 100 MB for each password; tests make hundreds."""
    cheap = "django.contrib.auth.hashers.MD5PasswordHasher"
    with override_settings(PASSWORD_HASHERS=[cheap, *django_settings.PASSWORD_HASHERS]):
        yield


@pytest.fixture(scope="session", autouse=True)
def own_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the developer's files out of reach: a clean-up deletes what no row of the test's database names."""
    with override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("media")):
        yield


@pytest.fixture(autouse=True)
def own_redis_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test its own cache keys and its own queue: limits and messages of others are not seen."""
    prefix = f"test-{uuid.uuid4().hex[:12]}"
    # New threads make their cache from the settings, this one has made its own already.
    monkeypatch.setitem(django_settings.CACHES["default"], "KEY_PREFIX", prefix)
    monkeypatch.setattr(caches["default"], "key_prefix", prefix)
    circuit.close()
    app.conf.task_default_queue = prefix
    app.amqp.queues = None  # made anew from the configuration
    app.amqp.router = app.amqp.Router()


@pytest.fixture(autouse=True)
def nothing_kept(settings: Any) -> None:
    """Make every page anew: a test is one transaction, in which nothing becomes visible that could be waited for.

    Tests of what is kept turn it on again (tests/catalog/test_documents_kept.py).
    """
    settings.CATALOGUE_CACHE = False


# --- People and clients -------------------------------------------------------------------------------------


@pytest.fixture
def api_client() -> APIClient:
    """A client that is nobody, and gets a 500 as an answer instead of the exception."""
    return APIClient(raise_request_exception=False)


@pytest.fixture
def signed_in_client() -> Callable[[User], APIClient]:
    """Make a client that is ``user``, by a real access token."""
    return client_for


@pytest.fixture
def customer(db: None) -> User:
    return UserFactory()


@pytest.fixture
def staff(db: None) -> User:
    return UserFactory(role=User.Role.ADMIN, is_staff=True, is_superuser=True)


# --- Background work ----------------------------------------------------------------------------------------


@pytest.fixture
def run_owed_work() -> Callable[[], list[str]]:
    """Do what a relay and a worker would do, until nothing is due; return the topics in the order they ran."""

    def run() -> list[str]:
        ran: list[str] = []
        app.autodiscover_tasks(force=True)
        while due := claim_due():
            for topic, message_id in due:
                app.tasks[topic](message_id)
                ran.append(topic)
        return ran

    return run


@pytest.fixture
def together(transactional_db: None) -> Together:
    """Run calls at the same moment, each in a thread with connections of its own.

    Return their results in order; an exception counts as a result.
    """

    def outcome(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error

    def run(*calls: Callable[[], Any]) -> list[Any]:
        return at_once([partial(outcome, call) for call in calls])

    return run


@pytest.fixture
def queued() -> Callable[[], list[dict[str, Any]]]:
    """Return the messages that wait at the broker in this test's queue, and take them off."""

    def read() -> list[dict[str, Any]]:
        with Redis.from_url(app.conf.broker_url) as broker:
            waiting = [json.loads(text) for text in broker.lrange(app.conf.task_default_queue, 0, -1)]
            broker.delete(app.conf.task_default_queue)
        # The newest stands at the left end.
        return [
            {"task": message["headers"]["task"], "args": json.loads(base64.b64decode(message["body"]))[0]}
            for message in reversed(waiting)
        ]

    return read


# --- A real browser -------------------------------------------------------------------------------------------

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium; the test is skipped where none is installed.

    For a module, not longer: while it is open, no other test of this process can run an event loop.
    """
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api")
    patch = pytest.MonkeyPatch()
    # Playwright keeps an event loop in this thread; Django would take the tests themselves for asynchronous code.
    patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
    patch.undo()
