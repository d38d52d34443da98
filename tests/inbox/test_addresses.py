"""Where webhooks may go, and that nothing else is ever connected to."""

import socket
from typing import Any

import pytest

from inbox.webhooks import wire
from inbox.webhooks.addresses import AddressRefused, is_public, target_of

PUBLIC = "93.184.215.14"


def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
    """Let the name server give one answer after the other."""
    left = list(answers)

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    made: list[Any] = []

    def connect(address: Any, timeout: float) -> socket.socket:
        made.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    return made


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:53aa:64c:0:fbff:5c9e:1",
    ],
)
def test_address_that_is_not_public_is_refused(monkeypatch, connections, address):
    names(monkeypatch, [PUBLIC, address])

    outcome = wire.post("https://hooks.example.com/x", b"{}", {})

    assert not is_public(address)
    assert (outcome.error, outcome.status, connections) == ("address_not_public", None, [])


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_address_that_is_public_is_taken(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "https://",
        "https://shop:secret@hooks.example.com/",
        "https://hooks.example.com@127.0.0.1/",
        "https://hooks.example.com\\@127.0.0.1/",
        "https://hooks.example.com/#part",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/\r\nX-Evil: 1",
        "https://hooks.example.com/\tx",
        "https://hóoks.example.com/",
        "https://hooks。example.com/",
        "https://hooks_example.com/",
        "https://hooks.example.com:99999/",
        "https://[::1/",
        "https://hooks.example.com/" + "x" * 500,
    ],
)
def test_url_that_is_no_plain_one_is_refused(monkeypatch, connections, url):
    names(monkeypatch, [PUBLIC])

    with pytest.raises(AddressRefused) as refused:
        target_of(url)

    assert (refused.value.code, connections) == ("invalid_url", [])


@pytest.mark.parametrize(
    "url", ["http://hooks.example.com/", "https://hooks.example.com:8443/", "https://hooks.example.com:22/"]
)
def test_anything_but_https_on_its_own_port_is_refused(monkeypatch, connections, url):
    names(monkeypatch, [PUBLIC])

    assert wire.post(url, b"{}", {}).error == "https_required"
    assert connections == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "localhost."])
def test_other_ways_of_writing_loopback_are_refused(connections, host):
    outcome = wire.post(f"https://{host}/", b"{}", {})

    assert outcome.error in ("address_not_public", "unknown_host", "invalid_url")
    assert connections == []


def test_setting_for_loopback_lets_nothing_else_private_through(monkeypatch, connections, settings):
    settings.WEBHOOK_LOOPBACK = True
    names(monkeypatch, ["127.0.0.1", "10.0.0.1"])

    assert wire.post("https://hooks.example.com/", b"{}", {}).error == "address_not_public"
    assert connections == []


def test_name_that_changes_after_the_check_leads_nowhere_else(monkeypatch, connections):
    names(monkeypatch, [PUBLIC], ["127.0.0.1"])

    outcome = wire.post("https://hooks.example.com/", b"{}", {})

    assert (outcome.error, connections) == ("connection_failed", [(PUBLIC, 443)])


def test_name_is_looked_up_again_for_each_message(monkeypatch, connections):
    names(monkeypatch, [PUBLIC], ["169.254.169.254"])

    outcomes = [wire.post("https://hooks.example.com/", b"{}", {}).error for _ in range(2)]

    assert outcomes == ["connection_failed", "address_not_public"]
    assert connections == [(PUBLIC, 443)]


def test_host_that_nobody_knows_is_told(monkeypatch, connections):
    def unknown(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    assert (wire.post("https://hooks.example.com/", b"{}", {}).error, connections) == ("unknown_host", [])
