"""The embedded Valkey, with real servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from launcher.errors import LauncherError
from launcher.ports import free_port
from launcher.valkey import EmbeddedValkey
from tests.launcher.conftest import occupied_port

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path / "valkey") as server:
        yield server


def test_server_is_private_and_drops_nothing(server: EmbeddedValkey) -> None:
    with redis.Redis.from_url(server.url()) as client:
        settings = [client.config_get(name)[name] for name in ("bind", "maxmemory-policy", "appendonly")]
    with (
        redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()

    assert settings == ["127.0.0.1", "noeviction", "yes"]
    assert (server.folder / "valkey.conf").stat().st_mode & 0o777 == 0o600


def test_data_port_and_password_survive_a_restart(server: EmbeddedValkey) -> None:
    url = server.url()
    with redis.Redis.from_url(url) as client:
        client.set("basket", "full")

    server.stop()

    with EmbeddedValkey(server.folder) as again, redis.Redis.from_url(url) as client:
        assert again.url() == url
        assert client.get("basket") == b"full"


def test_killed_server_comes_back_with_its_data(server: EmbeddedValkey) -> None:
    with redis.Redis.from_url(server.url()) as client:
        client.set("basket", "full")
        client.execute_command("WAITAOF", 1, 0, 5000)

    server.kill()
    server.start()

    with redis.Redis.from_url(server.url()) as client:
        assert client.get("basket") == b"full"


def test_throw_away_server_keeps_nothing(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "valkey", durable=False) as server:
        with redis.Redis.from_url(server.url()) as client:
            client.set("basket", "full")
        server.restart()
        with redis.Redis.from_url(server.url()) as client:
            assert client.get("basket") is None


def test_remembered_port_that_is_busy_is_replaced(server: EmbeddedValkey) -> None:
    port = server.port
    server.stop()

    with occupied_port(port), EmbeddedValkey(server.folder) as again:
        assert again.port != port


def test_asked_port_that_is_busy_is_one_sentence(tmp_path: Path) -> None:
    port = free_port()
    with occupied_port(port), pytest.raises(LauncherError) as caught:
        EmbeddedValkey(tmp_path / "valkey", port=port).start()

    assert str(caught.value) == f"Port {port} is busy, so Valkey cannot listen there."


def test_damaged_data_is_one_sentence(server: EmbeddedValkey) -> None:
    with redis.Redis.from_url(server.url()) as client:
        client.set("basket", "full")
    server.stop()
    log = next((server.folder / "appendonlydir").glob("*.incr.aof"))
    log.write_bytes(b"*3\r\n$9\r\nNONSENSE!\r\n" + log.read_bytes())

    with pytest.raises(LauncherError, match=r"^Valkey's data in .* is damaged: .*\./shop reset\. Its log is "):
        server.start()
