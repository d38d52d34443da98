import io
import json
import logging
import logging.config
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import RequestFactory

from accounts.models import User
from ecommerce.context import request_id
from ecommerce.logs import ContextFilter, mask
from tests.factories import PASSWORD, ProductFactory, UserFactory

PHONE, EMAIL = "+254712345678", "wanjiku.mwangi@example.com"


@pytest.fixture
def lines() -> Callable[[], list[dict[str, Any]]]:
    """What the shop's own handler and formatter write, from the root logger down."""
    stream = io.StringIO()
    configurator = logging.config.DictConfigurator(django_settings.LOGGING)
    config = configurator.config
    handler = logging.StreamHandler(stream)
    handler.setFormatter(configurator.configure_formatter(config["formatters"]["json"]))
    handler.addFilter(configurator.configure_filter(config["filters"]["context"]))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(before)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("paid by 254712345678", "paid by ***678"),
        ("paid by +254712345678.", "paid by +***678."),
        ("paid by 0712345678, 0110345678", "paid by ***678, ***678"),
        ("abroad: +14155552671", "abroad: +***671"),
        ("to wanjiku.mwangi+shop@example.co.ke now", "to ***@*** now"),
        ("?email=wanjiku%40example.com&page=1", "?email=***@***&page=1"),
        ("POST /api/payments/mpesa/callback/Zm9vYmFyYmF6cXV4MTIzNDU2/", "POST /api/payments/mpesa/callback/***/"),
        ("POST /api/payments/result/Zm9vYmFyYmF6cXV4MTIzNDU2/timeout/", "POST /api/payments/result/***/timeout/"),
        ("POST /api/payments/till/Zm9vYmFyYmF6cXV4MTIzNDU2/validation/", "POST /api/payments/till/***/validation/"),
        ("POST /api/payments/claims/Zm9vYmFyYmF6cXV4MTIzNDU2/", "POST /api/payments/claims/***/"),
        ("Authorization: Bearer eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", "Authorization: Bearer ***"),
        ("order 0198c0de-0000-7000-8000-000000000001 of KES 1500.00", None),
        ("2026-11-21T10:18:30+0300 in 12345678901234 ns", None),
        ("GET /api/products/?page=2", None),
    ],
)
def test_mask_hides_people_and_secrets_and_nothing_else(text, masked):
    assert mask(text) == (text if masked is None else masked)


def test_line_is_json_with_time_level_logger_and_request_id(lines):
    token = request_id.set("request-0001")

    logging.getLogger("shop.test").info("order_placed", extra={"order_id": "7", "count": 3})

    request_id.reset(token)
    [line] = lines()
    time = line.pop("time")
    assert line == {
        "level": "INFO", "logger": "shop.test", "message": "order_placed", "request_id": "request-0001",
        "order_id": "7", "count": 3,
    }  # fmt: skip
    assert time.endswith(("+00:00", "Z"))


def test_line_masks_its_message_its_facts_and_its_trace(lines):
    logger = logging.getLogger("shop.test")
    request = RequestFactory().get("/api/payments/mpesa/callback/Zm9vYmFyYmF6cXV4MTIzNDU2/", {"email": EMAIL})
    try:
        raise ValueError(f"No such customer: {EMAIL}, {PHONE}")
    except ValueError:
        logger.exception(
            "failed for %s",
            PHONE,
            extra={
                "to": [EMAIL], "row": {"phone": PHONE}, "msisdn": 254712345678, "request": request, "path": request,
                "error": ValueError(EMAIL),
            },
        )  # fmt: skip

    [line] = lines()
    text = json.dumps(line)
    for secret in ("345678", "wanjiku", "Zm9vYmFy"):
        assert secret not in text
    assert line["message"] == "failed for +***678"
    assert line["exc_info"].endswith("ValueError: No such customer: ***@***, +***678")
    assert (line["to"], line["row"], line["msisdn"]) == (["***@***"], {"phone": "+***678"}, "***678")


def test_record_itself_is_masked_for_other_handlers():
    record = logging.LogRecord("a", logging.INFO, "f", 1, "to %s", (EMAIL,), None)

    kept = ContextFilter().filter(record)

    assert (kept, record.getMessage()) == (True, "to ***@***")


@pytest.mark.django_db
def test_whole_purchase_leaves_no_personal_word_in_any_line(
    api_client, signed_in_client, lines, run_owed_work, mailoutbox, monkeypatch
):
    monkeypatch.setitem(django_settings.MPESA, "BASE_URL", "http://127.0.0.1:1")  # nobody answers there
    register = {
        "email": EMAIL, "password": PASSWORD, "first_name": "Wanjikuza", "last_name": "Mwangiza", "phone_number": PHONE,
    }  # fmt: skip
    product = ProductFactory()

    api_client.post("/api/auth/register/", register)
    run_owed_work()
    verification = mailoutbox[0].body.split("#")[1].split()[0]
    api_client.post("/api/auth/email/verify/", {"token": verification})
    api_client.post("/api/auth/login/", {"email": EMAIL, "password": "wrong " + PASSWORD})
    tokens = api_client.post("/api/auth/login/", {"email": EMAIL, "password": PASSWORD}).json()
    refreshed = api_client.post("/api/auth/refresh/", {"refresh": tokens["refresh"]}).json()
    client = signed_in_client(User.objects.get())
    client.get("/api/products/", {"search": EMAIL})
    order = client.post(
        "/api/orders/",
        {"items": [{"product_id": str(product.pk), "quantity": 1}], "email": EMAIL, "phone_number": PHONE},
    ).json()
    payment = client.post("/api/payments/", {"order_id": order["id"], "method": "mpesa", "phone_number": PHONE})
    api_client.post("/api/payments/mpesa/callback/c2VjcmV0LXNlY3JldC1zZWNyZXQ/", {"Body": {"PhoneNumber": PHONE}})
    run_owed_work()
    client.post("/api/auth/logout/", {"everywhere": True})

    assert payment.status_code == 201
    text = json.dumps(lines(), ensure_ascii=False)
    assert len([line for line in lines() if line["logger"] == "ecommerce.requests"]) == 10
    secrets = (
        PHONE[-9:], EMAIL, "wanjiku", "Wanjikuza", "Mwangiza", PASSWORD, verification, tokens["access"],
        tokens["refresh"], refreshed["access"], refreshed["refresh"], "c2VjcmV0", "Bearer",
    )  # fmt: skip
    assert [secret for secret in secrets if secret in text] == []


@pytest.mark.urls("tests.ecommerce.failing_urls")
@pytest.mark.django_db
def test_crash_on_a_secret_address_does_not_log_the_secret(api_client, lines, monkeypatch):
    monkeypatch.setattr("payments.inbox.receive_callback", lambda **_: 1 / 0)

    answer = api_client.post("/api/payments/mpesa/callback/c2VjcmV0LXNlY3JldC1zZWNyZXQ/?phone=254712345678", {})

    assert answer.status_code == 500
    text = json.dumps(lines())
    assert "ZeroDivisionError" in text
    assert "c2VjcmV0" not in text
    assert "254712345678" not in text


@pytest.mark.django_db
def test_request_is_one_line_with_its_route_and_id(lines, api_client):
    user = UserFactory()

    answer = api_client.get(f"/api/orders/{user.pk}/")

    [line] = [line for line in lines() if line["logger"] == "ecommerce.requests"]
    assert {key: line[key] for key in ("method", "route", "status", "request_id")} == {
        "method": "GET",
        "route": "api/orders/(?P<pk>[^/.]+)/$" if "(?P" in line["route"] else line["route"],
        "status": 401,
        "request_id": answer["X-Request-Id"],
    }
    assert str(user.pk) not in json.dumps(line)


def test_health_checks_fill_no_log(lines, api_client):
    api_client.get("/healthz")

    assert [line for line in lines() if line["logger"] == "ecommerce.requests"] == []
