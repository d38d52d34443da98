"""What the tests of ``check_mpesa_settings`` share: right settings, a right world, and a reader of what is told."""

import base64
import socket
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from payments.management.commands import check_mpesa_settings
from tests.payments.providers.mpesa_wire import (
    QUERY,
    SETTINGS,
    gateway_error,
)

LIVE = SETTINGS | {
    "BASE_URL": "https://api.safaricom.co.ke",
    "CONSUMER_SECRET": "consumer-5fd0",
    "PASSKEY": "bfb279f9",
    "SECURITY_CREDENTIAL": base64.b64encode(bytes(256)).decode(),
}
UNKNOWN_CHECKOUT = gateway_error(400, "400.002.02", "Bad Request - Invalid CheckoutRequestID")
SECRET = SETTINGS["C2B_SECRET"]


def public_internet(network, settings, monkeypatch):
    """Make everything right: Safaricom knows the shop, and the shop's name leads to a public address. A fixture."""
    settings.MPESA = dict(LIVE)
    settings.PUBLIC_BASE_URL = "https://shop.example"
    network.script({QUERY: UNKNOWN_CHECKOUT})
    addresses = {"shop.example": ["102.33.44.55"], "home.example": ["102.33.44.55", "192.168.1.20"]}

    really = socket.getaddrinfo

    def resolve(host, port, *arguments, **options):
        if not host.endswith(".example"):
            return really(host, port, *arguments, **options)
        if host not in addresses:
            raise OSError("no such name")
        return [(2, 1, 6, "", (address, port)) for address in addresses[host]]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    waited = []
    monkeypatch.setattr(check_mpesa_settings, "time", SimpleNamespace(sleep=waited.append))
    return waited


def check(capsys, *options, wrong=0):
    """Run the command, and return its lines without the advice, and the advice."""
    if wrong:
        with pytest.raises(CommandError) as caught:
            call_command("check_mpesa_settings", *options)
        assert (str(caught.value), caught.value.returncode) == (f"Wrong: {wrong}. The lines above say what to do.", 1)
    else:
        call_command("check_mpesa_settings", *options)
    lines = capsys.readouterr().out.splitlines()
    said = {}
    for line in lines:
        if "→" not in line and ": " in line:
            state, (about, says) = line[:12].strip(), line[13:].split(": ", 1)
            said[about] = (state, says)
    return said, [line.split("→ ")[1] for line in lines if "→" in line]
