"""A wrong environment stops the start with one sentence; a right one is as safe as Django can check."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

import ecommerce

ROOT = Path(__file__).parents[2]
SECRET = "k3J9-vQ2m_8xTz7Lw5Rb1Nc4Hf6Yd0Gs.aPeUoIiXqZ!tW@kM#r"
PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": SECRET,
    "ALLOWED_HOSTS": "shop.example,www.shop.example",
    "PUBLIC_BASE_URL": "https://shop.example",
    "DATABASE_URL": "postgres://shop:secret@127.0.0.1:1/shop",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "MPESA_BASE_URL": "https://api.safaricom.co.ke",
    "MPESA_CONSUMER_KEY": "key",
    "MPESA_CONSUMER_SECRET": "secret",
    "MPESA_SHORTCODE": "174379",
    "MPESA_PASSKEY": "passkey",
    "EMAIL_URL": "smtp+tls://user:password@mail.example:587",
    "TRUSTED_PROXIES": "1",
}


def manage(*arguments: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    """Run manage.py with production's environment, changed by ``changes``; None takes a variable away."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment |= PRODUCTION | {name: value for name, value in changes.items() if value is not None}
    for name in (name for name, value in changes.items() if value is None):
        environment.pop(name)
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def load_settings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Run the settings module with production's environment, changed; None takes a variable away."""

    def load(**changes: str | None) -> dict[str, Any]:
        for name in os.environ:
            if name.isupper() and name not in ("PATH", "HOME"):
                monkeypatch.delenv(name)
        for name, value in (PRODUCTION | changes).items():
            if value is not None:
                monkeypatch.setenv(name, value)
        parts = [path.stem for path in (ROOT / "ecommerce").glob("*_settings.py")]
        for part in ("environment", *parts):  # they have read the test's environment
            monkeypatch.delitem(sys.modules, f"ecommerce.{part}", raising=False)
            monkeypatch.delattr(ecommerce, part, raising=False)  # else a new one stays there when the old is back
        return runpy.run_path(str(ROOT / "ecommerce" / "settings.py"))

    return load


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY is not set; production cannot start without it."),
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set; production cannot start without it."),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is shorter than 32 bytes or a published example; make a new one."),
        (
            {"SECOND_FACTOR_KEYS": f"{SECRET},short"},
            "SECOND_FACTOR_KEYS is shorter than 32 bytes or a published example; make a new one.",
        ),
        (
            {"GOOGLE_JWKS_URL": "http://127.0.0.1:9000/keys"},
            "GOOGLE_JWKS_URL must be https and no simulator in production.",
        ),
        (
            {"SECRET_KEY": "local-only-secret-key-that-is-long-enough-to-pass-the-length-check"},
            "SECRET_KEY is shorter than 32 bytes or a published example; make a new one.",
        ),
        (
            {"JWT_SIGNING_KEY": "short"},
            "JWT_SIGNING_KEY is shorter than 32 bytes or a published example; make a new one.",
        ),
        (
            {"JWT_SIGNING_KEY_FALLBACKS": f"{SECRET},short"},
            "JWT_SIGNING_KEY_FALLBACKS is shorter than 32 bytes or a published example; make a new one.",
        ),
        (
            {"GIFT_CARD_KEYS": f"{SECRET},short"},
            "GIFT_CARD_KEYS is shorter than 32 bytes or a published example; make a new one.",
        ),
        ({"DEBUG": "true"}, "DEBUG is on; production never starts with it."),
        ({"DEBUG": "perhaps"}, "DEBUG is 'perhaps'; it must be true or false."),
        ({"ALLOWED_HOSTS": None}, "ALLOWED_HOSTS must name the shop's hosts in production, and '*' is not a host."),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS must name the shop's hosts in production, and '*' is not a host."),
        (
            {"ALLOWED_HOSTS": "a.example,*"},
            "ALLOWED_HOSTS must name the shop's hosts in production, and '*' is not a host.",
        ),
        (
            {"DATABASE_URL": None},
            "DATABASE_URL is not set; start the shop with ./shop run, or name a PostgreSQL database.",
        ),
        (
            {"DATABASE_URL": "sqlite:///db.sqlite3"},
            "DATABASE_URL must name a PostgreSQL database; no other dialect is supported.",
        ),
        (
            {"DATABASE_URL": "mysql://a:b@c/d"},
            "DATABASE_URL must name a PostgreSQL database; no other dialect is supported.",
        ),
        ({"DATABASE_URL": "what"}, "DATABASE_URL must name a PostgreSQL database; no other dialect is supported."),
        (
            {"DATABASE_URL": "postgres://shop@host:port/shop"},
            "DATABASE_URL must name a PostgreSQL database; no other dialect is supported.",
        ),
        ({"REDIS_URL": None}, "REDIS_URL is not set; production cannot start without it."),
        ({"PUBLIC_BASE_URL": None}, "PUBLIC_BASE_URL is not set; production cannot start without it."),
        (
            {"PUBLIC_BASE_URL": "http://shop.example"},
            "PUBLIC_BASE_URL must be https in production: payment providers call it.",
        ),
        ({"MPESA_BASE_URL": None}, "MPESA_BASE_URL is not set, but PAYMENT_PROVIDERS names mpesa."),
        ({"MPESA_BASE_URL": "https://127.0.0.1:8100"}, "MPESA_BASE_URL must be https and no simulator in production."),
        ({"MPESA_BASE_URL": "https://localhost:8100"}, "MPESA_BASE_URL must be https and no simulator in production."),
        ({"MPESA_BASE_URL": "https://[::1]:8100"}, "MPESA_BASE_URL must be https and no simulator in production."),
        ({"MPESA_BASE_URL": "https://127.8.8.8"}, "MPESA_BASE_URL must be https and no simulator in production."),
        ({"MPESA_BASE_URL": "https://0.0.0.0"}, "MPESA_BASE_URL must be https and no simulator in production."),
        (
            {"MPESA_BASE_URL": "http://api.safaricom.co.ke"},
            "MPESA_BASE_URL must be https and no simulator in production.",
        ),
        ({"MPESA_PASSKEY": None}, "MPESA_PASSKEY is not set, but PAYMENT_PROVIDERS names mpesa."),
        (
            {"MPESA_TRANSACTION_TYPE": "PayMe"},
            "MPESA_TRANSACTION_TYPE must be CustomerPayBillOnline (paybill) or CustomerBuyGoodsOnline (till).",
        ),
        ({"CORS_ALLOWED_ORIGINS": "*"}, "CORS_ALLOWED_ORIGINS must list whole origins; '*' and 'null' are refused."),
        (
            {"CORS_ALLOWED_ORIGINS": "https://a.example,null"},
            "CORS_ALLOWED_ORIGINS must list whole origins; '*' and 'null' are refused.",
        ),
        ({"ENVIRONMENT": "staging"}, "ENVIRONMENT is 'staging'; it must be production, local or test."),
        ({"ENVIRONMENT": ""}, "ENVIRONMENT is ''; it must be production, local or test."),
        ({"PORT": "http"}, "PORT is 'http'; it must be a whole number from 1 to 65535."),
        ({"PORT": "0"}, "PORT is '0'; it must be a whole number from 1 to 65535."),
        ({"TRUSTED_PROXIES": "-1"}, "TRUSTED_PROXIES is '-1'; it must be a whole number from 0 to 10."),
        ({"TRUSTED_PROXIES": "true"}, "TRUSTED_PROXIES is 'true'; it must be a whole number from 0 to 10."),
        (
            {"ORDER_RESERVATION_SECONDS": "soon"},
            "ORDER_RESERVATION_SECONDS is 'soon'; it must be a whole number from 1 to 604800.",
        ),
        (
            {"BASE_CURRENCY": "kes"},
            "BASE_CURRENCY names 'kes'; it takes ISO 4217 codes, such as KES or USD.",
        ),
        (
            {"CURRENCIES": "USD,EURO"},
            "CURRENCIES names 'EURO'; it takes ISO 4217 codes, such as KES or USD.",
        ),
        ({"MAX_RATE_AGE_DAYS": "0"}, "MAX_RATE_AGE_DAYS is '0'; it must be a whole number from 1 to 3650."),
        ({"THROTTLE_LOGIN": "ten"}, "THROTTLE_LOGIN is 'ten'; it must be count/seconds, such as 10/60."),
        ({"THROTTLE_USER": "10/0"}, "THROTTLE_USER is '10/0'; it must be count/seconds, such as 10/60."),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL is 'LOUD'; it must be DEBUG, INFO, WARNING, ERROR or CRITICAL."),
    ],
    ids=lambda value: "-".join(f"{k}={v}" for k, v in value.items())[:60] if isinstance(value, dict) else "",
)
def test_unsafe_environment_is_refused_with_one_sentence(load_settings, changes, sentence):
    with pytest.raises(ImproperlyConfigured) as refusal:
        load_settings(**changes)

    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY is not set; production cannot start without it."),
        ({"PORT": "http"}, "PORT is 'http'; it must be a whole number from 1 to 65535."),
        (
            {"DATABASE_URL": "sqlite:///db.sqlite3"},
            "DATABASE_URL must name a PostgreSQL database; no other dialect is supported.",
        ),
    ],
)
def test_refused_start_says_one_sentence_and_exits_with_one(changes, sentence):
    result = manage("check", **changes)

    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"Not started: {sentence}\n")


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({}, "DEBUG", False),
        ({"DEBUG": "False"}, "DEBUG", False),
        ({"PORT": "9000"}, "PORT", 9000),
        ({"TRUSTED_PROXIES": "2"}, "TRUSTED_PROXIES", 2),
        ({"LOG_LEVEL": "debug"}, "LOG_LEVEL", "DEBUG"),
        ({"PUBLIC_BASE_URL": "https://shop.example/"}, "PUBLIC_BASE_URL", "https://shop.example"),
        ({"FRONTEND_URL": "https://www.shop.example/"}, "FRONTEND_URL", "https://www.shop.example"),
        ({"CELERY_BROKER_URL": "redis://broker/1"}, "CELERY_BROKER_URL", "redis://broker/1"),
        ({}, "CELERY_BROKER_URL", "redis://127.0.0.1:1/0"),
        (
            {"CORS_ALLOWED_ORIGINS": "https://a.example,https://b.example"},
            "CORS_ALLOWED_ORIGINS",
            ["https://a.example", "https://b.example"],
        ),
        ({"PAYMENT_PROVIDERS": "", "MPESA_PASSKEY": None}, "PAYMENT_PROVIDERS", []),
        ({"ORDER_RESERVATION_SECONDS": "60"}, "ORDER_RESERVATION", timedelta(seconds=60)),
        ({}, "BASE_CURRENCY", "KES"),
        ({"BASE_CURRENCY": "UGX"}, "BASE_CURRENCY", "UGX"),
        ({}, "CURRENCIES", []),
        ({"CURRENCIES": "USD, EUR"}, "CURRENCIES", ["USD", "EUR"]),
        ({"MAX_RATE_AGE_DAYS": "2"}, "MAX_RATE_AGE", timedelta(days=2)),
        ({"EMAIL_URL": "filemail:///var/mail/shop"}, "EMAIL_FILE_PATH", "/var/mail/shop"),
        ({"EMAIL_URL": "filemail://", "EMAIL_FILE_PATH": "mails"}, "EMAIL_FILE_PATH", "mails"),
    ],
)
def test_setting_follows_its_variable(load_settings, changes, name, value):
    assert load_settings(**changes)[name] == value


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"ENVIRONMENT": "local"}, "a developer's"),
        ({"ENVIRONMENT": "local", "SHOP_NAME": "real"}, "real"),
        ({"ENVIRONMENT": "local", "ENV_FILES": "none"}, "nobody's"),
        ({"ENVIRONMENT": "test"}, "nobody's"),
        ({"ENVIRONMENT": "production"}, "nobody's"),
    ],
)
def test_files_are_read_where_a_developer_works_and_nowhere_else(tmp_path, environment, found):
    (tmp_path / "ecommerce").mkdir()
    module = shutil.copy(ROOT / "ecommerce" / "environment.py", tmp_path / "ecommerce")
    (tmp_path / ".env").write_text("SHOP_NAME=a developer's\n")
    words = f"import runpy; print(runpy.run_path({str(module)!r})['env'].str('SHOP_NAME', default=\"nobody's\"))"

    ran = subprocess.run([sys.executable, "-c", words], env=environment, capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == found


def test_good_production_environment_passes_every_deployment_check():
    result = manage("check", "--deploy", "--fail-level", "WARNING")

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "System check identified no issues (0 silenced).\n"


ANSWERS = """
import json
from django.test import Client
from django.conf import settings
client = Client(raise_request_exception=False, headers={"host": "shop.example"})
answers = {
    "healthz": client.get("/healthz"),
    "plain_api": client.get("/api/users/profile/"),
    "api": client.get("/api/users/profile/", secure=True),
    "forwarded": client.get("/api/users/profile/", headers={"x-forwarded-proto": "https"}),
    "admin": client.get("/admin/login/"),
    "login": client.get("/admin/login/", secure=True),
}
print(json.dumps({
    name: {"status": answer.status_code, "headers": dict(answer.headers), "cookies": answer.cookies.output()}
    for name, answer in answers.items()
}))
"""


def test_production_answers_carry_the_security_headers(tmp_path):
    # Static files of the log-in page are named by a manifest that only a deployment has.
    script = tmp_path / "answers.py"
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    script.write_text(
        f"from django.conf import settings\nsettings.STORAGES['staticfiles']['BACKEND'] = {plain!r}\n" + ANSWERS
    )
    result = manage("shell", "--no-imports", "-c", f"exec(open({str(script)!r}).read())")

    assert result.returncode == 0, result.stderr
    answers = json.loads(result.stdout.splitlines()[-1])
    assert {name: answer["status"] for name, answer in answers.items()} == {
        "healthz": 200, "plain_api": 403, "api": 401, "forwarded": 401, "admin": 301, "login": 200,
    }  # fmt: skip
    headers = answers["api"]["headers"]
    assert {name: headers[name] for name in headers if name in (
        "Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy",
        "Cross-Origin-Opener-Policy", "Cache-Control",
    )} == {
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }  # fmt: skip
    assert answers["admin"]["headers"]["Location"] == "https://shop.example/admin/login/"
    cookie = answers["login"]["cookies"]
    assert "__Host-csrftoken=" in cookie
    assert all(part in cookie for part in ("Secure", "SameSite=Lax", "Path=/"))


@pytest.mark.parametrize(("proxies", "header"), [("0", None), ("1", ("HTTP_X_FORWARDED_PROTO", "https"))])
def test_forwarded_proto_is_believed_only_behind_a_proxy(load_settings, proxies, header):
    assert load_settings(TRUSTED_PROXIES=proxies).get("SECURE_PROXY_SSL_HEADER") == header


def test_every_variable_stands_in_the_example_and_every_one_there_is_read(load_settings, monkeypatch):
    read: set[str] = set()
    get_value = environ.Env.get_value

    def noting(self, var, *arguments, **options):
        read.add(str(var))
        return get_value(self, var, *arguments, **options)

    monkeypatch.setattr(environ.Env, "get_value", noting)
    example = (ROOT / ".env.example").read_text()
    told = set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE))
    # Not by the settings: what starts the processes reads these.
    scripts = "".join((ROOT / name).read_text() for name in ("Procfile", "docker-compose.yml", "deploy/web.sh"))
    elsewhere = set(re.findall(r"\$\{([A-Z_]+)", scripts))

    load_settings(AWS_STORAGE_BUCKET_NAME="pictures")  # what a bucket needs is read if there is one

    assert sorted(read - told) == []
    assert sorted(told - read - elsewhere) == []
