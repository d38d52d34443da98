import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from simulator.daraja.identifiers import new_checkout_request_id, new_receipt_number
from simulator.settings import BadSettings, DarajaSettings, settings_from_environment
from tests.simulator.merchant import wait_for

ROOT = Path(__file__).parents[2]


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "simulator", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )


def test_start_prints_where_the_phone_is_and_stops_in_good_order():
    command = [sys.executable, "-m", "simulator", "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline()

    url = line.split()[-1]
    page = wait_for(lambda: answer_of(url))
    process.terminate()
    _, errors = process.communicate(timeout=10)

    assert line.startswith("Payment simulator on http://127.0.0.1:")
    assert "Customer's phone" in page
    assert errors == ""


def answer_of(url: str) -> str:
    try:
        return httpx.get(url, trust_env=False).text
    except httpx.ConnectError:
        return ""


def test_start_is_refused_on_a_busy_port():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run("--port", str(port))

    assert result.returncode == 1
    assert result.stderr == f"simulator: Port {port} on 127.0.0.1 is taken; choose another with --port.\n"


def test_start_is_refused_in_production():
    result = run("--port", "0", ENVIRONMENT="production")

    assert result.returncode == 1
    assert result.stderr == "simulator: The payment simulator does not start where ENVIRONMENT is production.\n"


def test_start_is_refused_on_an_address_that_others_reach():
    result = run("--port", "0", "--host", "0.0.0.0")

    assert result.returncode == 1
    assert result.stderr == (
        "simulator: 0.0.0.0 is not a loopback address; add --allow-other-hosts if that is meant.\n"
    )


def test_start_is_refused_with_a_state_file_that_is_none(tmp_path):
    (tmp_path / "state").write_text("This is no database, and it is long enough to be read as one. " * 20)

    result = run("--port", "0", "--state", str(tmp_path / "state"))

    assert result.returncode == 1
    assert result.stderr == (f"simulator: The state file {tmp_path}/state cannot be used: file is not a database.\n")


def test_settings_are_read_from_the_environment():
    environ = {
        "SIMULATOR_CONSUMER_KEY": "key",
        "SIMULATOR_CONSUMER_SECRET": "secret",
        "SIMULATOR_SHORTCODE": "600984",
        "SIMULATOR_TILL": "512345",
        "SIMULATOR_PASSKEY": "passkey",
        "SIMULATOR_MERCHANT": "DUKA",
        "SIMULATOR_PIN": "0042",
        "SIMULATOR_PROMPT_SECONDS": "1.5",
        "SIMULATOR_TOKEN_SECONDS": "10",
        "SIMULATOR_SINGLE_TOKEN": "off",
        "SIMULATOR_BALANCE": "100",
        "SIMULATOR_REFUSE_REPEATS": "on",
    }

    settings = settings_from_environment(environ)

    assert settings.daraja == DarajaSettings(
        consumer_key="key",
        consumer_secret="secret",
        shortcode="600984",
        till="512345",
        passkey="passkey",
        merchant_name="DUKA",
        pin="0042",
        prompt_seconds=1.5,
        token_seconds=10,
        single_token=False,
        balance=100,
        refuse_repeats=True,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIMULATOR_SHORTCODE", "shop"),
        ("SIMULATOR_TILL", "1"),
        ("SIMULATOR_PIN", "12345"),
        ("SIMULATOR_PROMPT_SECONDS", "soon"),
        ("SIMULATOR_TOKEN_SECONDS", "-1"),
        ("SIMULATOR_BALANCE", "1.5"),
        ("SIMULATOR_SINGLE_TOKEN", "maybe"),
        ("ENVIRONMENT", "Production"),
    ],
)
def test_settings_that_cannot_be_used_stop_the_start(name, value):
    with pytest.raises(BadSettings, match=name):
        settings_from_environment({name: value})


def test_receipt_begins_with_year_month_and_day_in_nairobi():
    late_evening_utc = 1795209300.0  # 2026-11-20 21:15 UTC, 21 November in Nairobi

    assert new_receipt_number(late_evening_utc)[:3] == "UKL"
    assert new_checkout_request_id("254712345678", late_evening_utc).startswith("ws_CO_21112026001500")


def test_simulator_imports_nothing_of_the_shop():
    code = (
        "import sys, simulator.__main__\n"
        "names = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(names & {'django', 'accounts', 'catalog', 'orders', 'payments', 'ecommerce'}))"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
    )

    assert result.stdout == "[]\n"
