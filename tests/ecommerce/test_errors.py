import json
import logging
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from rest_framework.test import APIClient

from accounts.models import User
from ecommerce import views
from ecommerce.models import IdempotencyKey
from tests.ecommerce.failing_urls import CANARY
from tests.factories import PASSWORD, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.ecommerce.failing_urls")]


def error(code: str, detail: str, attr: str | None = None, kind: str = "client_error") -> dict[str, Any]:
    return {"type": kind, "errors": [{"code": code, "detail": detail, "attr": attr}]}


NOT_FOUND = error("not_found", "There is nothing at this address.")
SERVER_ERROR = error("error", "Server Error (500)", kind="server_error")
BUSY = error("temporarily_unavailable", "The shop is busy. Try again in a moment.", kind="server_error")


@pytest.fixture
def browser() -> Client:
    """Django's own client with CSRF checks, as a browser is met."""
    return Client(raise_request_exception=False, enforce_csrf_checks=True)


# --- The API ------------------------------------------------------------------------------------------------


def test_invalid_body_names_each_field(api_client):
    answer = api_client.post("/api/auth/register/", {"email": "nobody", "phone_number": "12"})

    assert answer.status_code == 400
    assert answer.json() == {
        "type": "validation_error",
        "errors": [
            {"code": "invalid", "detail": "Enter a valid email address.", "attr": "email"},
            {"code": "required", "detail": "This field is required.", "attr": "password"},
            {
                "code": "invalid_phone_number",
                "detail": "This is not a phone number. Write it like 0712 345 678 or +254712345678.",
                "attr": "phone_number",
            },
        ],
    }
    assert not User.objects.exists()


def test_nobody_at_a_private_address_is_a_401_with_a_challenge(api_client):
    answer = api_client.get("/api/users/profile/")

    assert answer.status_code == 401
    assert answer.json() == error("not_authenticated", "Authentication credentials were not provided.")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_wrong_password_is_a_401_with_a_challenge(api_client):
    answer = api_client.post("/api/auth/login/", {"email": "nobody@example.com", "password": "wrong"})

    assert answer.status_code == 401
    assert answer.json() == error(
        "invalid_credentials",
        "No active account matches these credentials. After several failed tries, wait or reset the password.",
    )
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_customer_at_a_staff_address_is_a_403(customer, signed_in_client):
    answer = signed_in_client(customer).get("/api/staff-only/")

    assert answer.status_code == 403
    assert answer.json() == error("permission_denied", "You do not have permission to perform this action.")


def test_unknown_row_is_a_404(customer, signed_in_client):
    answer = signed_in_client(customer).get("/api/orders/00000000-0000-7000-8000-000000000000/")

    assert (answer.status_code, answer.json()) == (404, error("not_found", "Not found."))


def test_wrong_method_is_a_405_that_lists_the_right_ones(api_client):
    answer = api_client.get("/api/auth/login/")

    assert (answer.status_code, answer.json()) == (405, error("method_not_allowed", 'Method "GET" not allowed.'))
    assert answer["Allow"] == "POST, OPTIONS"


def test_unacceptable_media_type_is_a_json_406(api_client):
    answer = api_client.get("/api/products/", HTTP_ACCEPT="application/xml")

    assert answer.status_code == 406
    assert answer.json() == error("not_acceptable", "Could not satisfy the request Accept header.")


def test_form_instead_of_json_is_a_415(api_client):
    answer = api_client.post("/api/auth/register/", "email=a@example.com", content_type="text/csv")

    assert answer.status_code == 415
    assert answer.json() == error("unsupported_media_type", 'Unsupported media type "text/csv" in request.')


def test_domain_error_has_a_row_for_everything_wrong_and_its_extra_facts(api_client):
    answer = api_client.get("/api/fail/domain_error/")

    assert answer.status_code == 409
    assert answer.json() == {
        "type": "client_error",
        "errors": [
            {"code": "short_stock", "detail": "Only 1 left.", "attr": "items.0.quantity"},
            {"code": "closed", "detail": "Shut.", "attr": None},
        ],
        "left": 1,
    }


@pytest.mark.parametrize(
    ("way", "status", "body"),
    [
        ("protected", 409, error("protected", "Other records still use this one.")),
        ("conflict", 409, error("conflict", "This conflicts with something that already exists.")),
        ("suspicious", 400, error("parse_error", "The request is malformed.")),
        ("forbidden", 403, error("permission_denied", "You do not have permission to perform this action.")),
        ("crash", 500, SERVER_ERROR),
        ("deep", 500, SERVER_ERROR),
    ],
)
def test_exception_in_a_view_has_the_one_shape_and_tells_nothing(api_client, way, status, body):
    answer = api_client.get(f"/api/fail/{way}/")

    assert (answer.status_code, answer.json()) == (status, body)
    assert CANARY not in answer.content.decode()


@pytest.mark.parametrize(("way", "seconds"), [("busy", "2"), ("in_progress", "1")])
def test_passing_refusal_says_when_to_come_again(api_client, way, seconds):
    answer = api_client.get(f"/api/fail/{way}/")

    assert answer["Retry-After"] == seconds


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "55P03", "57014", "57P01", "57P02", "57P03", "53300", "25P03"])
@pytest.mark.parametrize("where", ["api", "plain"])
def test_busy_database_is_a_503_with_retry_after(api_client, where, sqlstate):
    answer = api_client.get(f"/{where}/fail/{sqlstate}/")

    assert (answer.status_code, answer.json()) == (503, BUSY)
    assert answer["Retry-After"] == "2"


@pytest.mark.parametrize("where", ["api", "plain"])
@pytest.mark.django_db(transaction=True)
def test_lost_database_connection_is_a_503(api_client, where):
    answer = api_client.get(f"/{where}/fail/lost_connection/")
    connection.close()

    assert (answer.status_code, answer.json()) == (503, BUSY)


@pytest.mark.parametrize(
    ("sqlstate", "status", "body"),
    [
        ("23505", 409, error("conflict", "This conflicts with something that already exists.")),
        (
            "23514",
            400,
            error("invalid", "A value is outside what the shop allows.", "non_field_errors", "validation_error"),
        ),
        ("23503", 409, error("conflict", "This conflicts with something that already exists.")),
        (
            "22003",
            400,
            error("invalid", "A number is larger than the shop can hold.", "non_field_errors", "validation_error"),
        ),
        ("22001", 500, SERVER_ERROR),
        ("42P01", 500, SERVER_ERROR),
    ],
)
def test_database_error_is_told_by_its_class_without_sql(api_client, sqlstate, status, body):
    answer = api_client.get(f"/api/fail/{sqlstate}/")

    assert (answer.status_code, answer.json()) == (status, body)


def test_crash_is_logged_with_its_trace_and_request_id(api_client, caplog):
    caplog.set_level(logging.ERROR, "django.request")

    answer = api_client.get("/api/fail/crash/", HTTP_X_REQUEST_ID="from-the-edge-1")

    assert answer["X-Request-Id"] == "from-the-edge-1"
    [record] = [record for record in caplog.records if record.name == "django.request"]
    assert record.exc_info is not None
    assert CANARY in str(record.exc_info[1])


# --- Outside the API ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/nothing", "/api/nothing/", "/api/auth/login", "/static/nothing.css", "/%ff/"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_unknown_path_is_a_json_404(api_client, method, path):
    answer = getattr(api_client, method)(path)

    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_wrong_method_outside_the_api_is_a_json_405(api_client, path):
    answer = api_client.post(path)

    assert (answer.status_code, answer.json()) == (405, error("method_not_allowed", "This method is not allowed here."))
    assert answer["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/", "/api/products/", "/healthz", "/admin/"])
def test_foreign_host_is_a_json_400(api_client, path):
    answer = api_client.get(path, HTTP_HOST="evil.example")

    assert (answer.status_code, answer.json()) == (400, error("invalid_host", "This host is not served here."))


@pytest.mark.parametrize("path", ["/a%00b", "/api/products/%00/", "/api/products/?search=%00", "/admin/?a=b%00"])
def test_nul_in_the_address_is_a_json_400(api_client, path):
    answer = api_client.get(path)

    assert (answer.status_code, answer.json()) == (400, error("invalid_path", "The address holds a NUL character."))


def test_percent_sign_before_two_zeros_is_no_nul(api_client):
    answer = api_client.get("/api/products/?search=%2500")

    assert (answer.status_code, answer.json()["count"]) == (200, 0)


@pytest.mark.parametrize(
    ("way", "status", "body"),
    [
        (
            "crash",
            500,
            error("error", "Something went wrong on our side. Quote the X-Request-Id.", kind="server_error"),
        ),
        (
            "42P01",
            500,
            error("error", "Something went wrong on our side. Quote the X-Request-Id.", kind="server_error"),
        ),
        ("suspicious", 400, error("bad_request", "The request is malformed.")),
        ("forbidden", 403, error("permission_denied", "You may not do this.")),
    ],
)
def test_exception_outside_the_api_has_the_one_shape_and_tells_nothing(browser, way, status, body):
    answer = browser.get(f"/plain/fail/{way}/")

    assert (answer.status_code, answer.json()) == (status, body)
    assert answer["X-Request-Id"]


def test_form_without_csrf_token_is_a_json_403(browser):
    answer = browser.post("/admin/login/", {"username": "a", "password": "b"})

    assert (answer.status_code, answer.json()) == (403, error("csrf_failed", "The CSRF token is missing or wrong."))


def test_session_without_csrf_token_may_not_write(browser):
    user = UserFactory(first_name="Before")
    browser.force_login(user)

    read = browser.get("/api/users/profile/")
    written = browser.patch("/api/users/profile/", {"first_name": "After"}, content_type="application/json")

    assert (read.status_code, written.status_code) == (200, 403)
    assert written.json()["errors"][0]["code"] == "permission_denied"
    user.refresh_from_db()
    assert user.first_name == "Before"


TOO_LARGE = error("payload_too_large", "The request body is larger than this address takes.")


@pytest.mark.parametrize("path", ["/plain/echo/", "/api/echo/"])
def test_ten_megabytes_are_a_json_413(api_client, path):
    answer = api_client.post(path, b'"' + b"x" * 10_000_000 + b'"', content_type="application/json")

    assert (answer.status_code, answer.json()) == (413, TOO_LARGE)


def test_ten_megabytes_of_form_are_a_json_413(browser):
    browser.get("/admin/login/")  # for the CSRF cookie: without it the body would not be looked at
    body = b"username=" + b"x" * 10_000_000

    answer = browser.post("/admin/login/", body, content_type="application/x-www-form-urlencoded")

    assert (answer.status_code, answer.json()) == (413, TOO_LARGE)


def test_thousands_of_parameters_are_a_400(api_client):
    answer = api_client.get("/api/products/?" + "&".join(f"a{n}=1" for n in range(3000)))

    assert (answer.status_code, answer.json()) == (400, error("parse_error", "The request is malformed."))


def test_default_handlers_answer_without_an_exception():
    request = RequestFactory().get("/")

    answers = [views.not_found(request), views.bad_request(request), views.permission_denied(request)]

    assert [answer.status_code for answer in answers] == [404, 400, 403]
    assert all(set(json.loads(answer.content)) == {"type", "errors"} for answer in answers)


def test_no_refusal_leaves_a_row_behind(api_client, customer):
    for way in ("crash", "23505", "busy"):
        api_client.get(f"/api/fail/{way}/", HTTP_IDEMPOTENCY_KEY="k")

    assert not IdempotencyKey.objects.exists()


# --- Headers ------------------------------------------------------------------------------------------------


def test_api_answers_are_not_stored_by_anybody(customer, signed_in_client):
    answer = signed_in_client(customer).get("/api/users/profile/")

    assert answer["Cache-Control"] == "no-store"


def test_request_id_is_kept_made_and_returned(api_client):
    kept = api_client.get("/healthz", HTTP_X_REQUEST_ID="edge_0123-abc")
    made = api_client.get("/healthz")
    replaced = api_client.get("/healthz", HTTP_X_REQUEST_ID="short")
    cleaned = api_client.get("/healthz", HTTP_X_REQUEST_ID="evil id\twith: text")

    assert kept["X-Request-Id"] == "edge_0123-abc"
    assert len({made["X-Request-Id"], replaced["X-Request-Id"], cleaned["X-Request-Id"]}) == 3
    assert all(len(answer["X-Request-Id"]) == 32 for answer in (made, replaced, cleaned))


def test_plain_http_on_api_paths_is_refused_in_production(api_client, settings):
    UserFactory(email="wanjiku@example.com")
    settings.PRODUCTION = True

    refused = api_client.post("/api/auth/login/", {"email": "wanjiku@example.com", "password": PASSWORD})
    served = api_client.post("/api/auth/login/", {"email": "wanjiku@example.com", "password": PASSWORD}, secure=True)

    assert (refused.status_code, refused.json()) == (403, error("https_required", "Use https."))
    assert served.status_code == 200


def test_cors_answers_only_the_listed_origins(settings):
    settings.CORS_ALLOWED_ORIGINS = ["https://shop.example"]
    client = APIClient()

    listed = client.get("/api/brands/", HTTP_ORIGIN="https://shop.example")
    foreign = client.get("/api/brands/", HTTP_ORIGIN="https://evil.example")

    assert listed["Access-Control-Allow-Origin"] == "https://shop.example"
    assert not {name for name in foreign.headers if name.startswith("Access-Control-")}


def test_nul_in_a_cookie_is_a_named_refusal(api_client):
    answer = api_client.get("/api/cart/", headers={"Cookie": 'sessionid="\\000abcdefghijk"'})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "invalid_cookie")
