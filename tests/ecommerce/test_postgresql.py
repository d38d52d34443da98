"""Whether a kept connection still lives."""

import time

import pytest
from django.db import connection, connections

from tests.factories import BrandFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def second():
    """A connection of its own, to look at."""
    other = connections.create_connection("default")
    other.ensure_connection()
    yield other
    other.close()


def pid_of(database) -> int:
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def end(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        while True:
            cursor.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid])
            if cursor.fetchone() is None:
                return
            time.sleep(0.01)


def test_living_connection_is_not_asked(second, monkeypatch):
    pid_of(second)
    monkeypatch.setattr("django.db.backends.postgresql.base.DatabaseWrapper.is_usable", lambda self: 1 / 0)

    assert second.is_usable() is True


def test_connection_that_the_server_has_ended_is_not_usable(second):
    end(pid_of(second))

    assert second.is_usable() is False


def test_connection_that_was_closed_here_is_not_usable(second):
    second.connection.close()

    assert second.is_usable() is False


def test_request_after_the_server_has_ended_its_connection_is_answered(api_client, settings):
    """As after a restart of PostgreSQL: Django looks at its connection before the first statement of a request."""
    BrandFactory()
    api_client.get("/api/brands/")
    connection.health_check_enabled = True
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid_of(connection)])
    other.close()
    time.sleep(0.2)
    connection.close_if_unusable_or_obsolete()

    answer = api_client.get("/api/brands/")

    assert (answer.status_code, answer.json()["count"]) == (200, 1)
