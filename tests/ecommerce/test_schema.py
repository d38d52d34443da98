import io
import re
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator
from rest_framework.permissions import SAFE_METHODS, AllowAny, IsAuthenticatedOrReadOnly
from rest_framework.views import APIView

METHODS = ("get", "post", "put", "patch", "delete")

# Whoever adds a line here opens a door: say in the pull request why anyone may walk through it.
OPEN_TO_ANYONE = {
    "api/attributes/": {"get"},
    "api/attributes/{}/": {"get"},
    "api/auth/email/change/confirm/": {"post"},
    "api/auth/2fa/verify/": {"post"},
    "api/auth/email/resend/": {"post"},
    "api/auth/email/verify/": {"post"},
    "api/auth/login/": {"post"},
    "api/auth/otp/": {"post"},
    "api/auth/otp/verify/": {"post"},
    "api/auth/password/reset/": {"post"},
    "api/auth/password/reset/confirm/": {"post"},
    "api/auth/refresh/": {"post"},
    "api/auth/register/": {"post"},
    "api/auth/social/facebook/": {"post"},
    "api/auth/social/google/": {"post"},
    "api/brands/": {"get"},
    "api/brands/{}/": {"get"},
    "api/cart/": {"get", "delete"},
    "api/cart/checkout/confirm/": {"post"},
    "api/cart/checkout/payment/": {"post"},
    "api/cart/checkout/shipping/": {"post"},
    "api/cart/items/": {"post"},
    "api/cart/items/{}/": {"put", "patch", "delete"},
    "api/cart/reminders/unsubscribe/{}/": {"get", "post"},
    "api/cart/coupon/": {"post", "delete"},
    "api/categories/": {"get"},
    "api/categories/{}/": {"get"},
    "api/categories/{}/attributes/": {"get"},
    "api/collections/": {"get"},
    "api/collections/{}/": {"get"},
    "api/collections/{}/products/": {"get"},
    "api/currencies/": {"get"},
    "api/currencies/{}/": {"get"},
    "api/currencies/{}/history/": {"get"},
    "api/docs/": {"get"},
    "api/payments/mpesa/c2b/confirmation/": {"post"},
    "api/payments/mpesa/c2b/validation/": {"post"},
    "api/payments/claims/{}/": {"post"},
    "api/payments/claims/{}/timeout/": {"post"},
    "api/payments/result/{}/": {"post"},
    "api/payments/result/{}/timeout/": {"post"},
    "api/payments/till/{}/confirmation/": {"post"},
    "api/payments/till/{}/result/": {"post"},
    "api/payments/till/{}/result/timeout/": {"post"},
    "api/payments/till/{}/validation/": {"post"},
    "api/payments/mpesa/callback/{}/": {"post"},
    "api/payments/webhook/": {"post"},
    "api/payments/webhooks/{}/": {"post"},
    "api/gift-cards/balance/": {"post"},
    "api/calendars/{}/": {"get"},
    "api/listings/": {"get"},
    "api/listings/{}/": {"get"},
    "api/listings/{}/availability/": {"get"},
    "api/sellers/{}/": {"get"},
    "api/orders/": {"post"},
    "api/pickup-points/": {"get"},
    "api/pickup-points/{}/": {"get"},
    "api/price-lists/": {"get"},
    "api/price-lists/{}/": {"get"},
    "api/price-lists/{}/items/": {"get"},
    "api/products/": {"get"},
    "api/products/categories/": {"get"},
    "api/products/changes/": {"get"},
    "api/products/search/": {"get", "post"},
    "api/products/suggest/": {"get"},
    "api/products/{}/": {"get"},
    "api/products/{}/images/": {"get"},
    "api/products/{}/images/{}/": {"get"},
    "api/products/{}/reviews/": {"get"},
    "api/redoc/": {"get"},
    "api/register/": {"post"},
    "api/reviews/": {"get"},
    "api/reviews/{}/": {"get"},
    "api/schema/": {"get"},
    "api/shipping/counties/": {"get"},
    "api/shipping/methods/": {"get"},
    "api/shipping/methods/{}/": {"get"},
    "api/shipping/quotes/": {"get"},
    "api/shipping/zones/": {"get"},
    "api/shipping/zones/{}/": {"get"},
    "api/tags/": {"get"},
    "api/tags/{}/": {"get"},
    "api/token/": {"post"},
    "api/token/refresh/": {"post"},
    "api/track/{}/": {"get"},
    "api/users/password/forgot/": {"post"},
    "api/users/facebook/exchange/": {"post"},
    "api/users/google/exchange/": {"post"},
    "api/users/register/": {"post"},
    "swagger/": {"get"},
}
# Plain Django views; the admin asks for a log-in by itself.
PLAIN_VIEWS = {"", "api/", "api/payments/return/<str:reference>/", "healthz", "readyz"}


def all_patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from all_patterns(entry, route)
        else:
            yield route, entry


def readable(route: str) -> str:
    """Return a route without its syntax: parameters as ``{}``."""
    route = re.sub(r"\(\?P<\w+>(?:\[[^\]]*\]|[^()])*\)|<[^>]+>", "{}", route)
    return route.replace("^", "").replace("$", "").replace(r"\Z", "")


@pytest.fixture(scope="module")
def schema() -> dict:
    return SchemaGenerator().get_schema(request=None, public=True)


@pytest.fixture(scope="module")
def operations(schema) -> list[tuple[str, str, dict]]:
    return [
        (path, method, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def test_schema_is_valid_and_warns_of_nothing():
    out = io.StringIO()

    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)

    assert out.getvalue().startswith("openapi: 3.1.1")


def test_every_operation_says_what_it_does_and_where_it_belongs(schema, operations):
    tags = {tag["name"] for tag in schema["tags"]}

    assert len(operations) > 20
    assert [(path, method) for path, method, operation in operations if not operation.get("summary")] == []
    assert [(path, method) for path, method, operation in operations if not set(operation["tags"]) <= tags] == []
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(ids) == len(set(ids))


def test_every_write_documents_its_refusals_in_the_one_shape(operations):
    for path, method, operation in operations:
        answers = operation["responses"]
        assert "429" in answers, (path, method)
        if method in ("post", "put", "patch"):
            assert "400" in answers, (path, method)
        for code, answer in answers.items():
            if code >= "400":
                content = answer["content"]["application/json"]["schema"]
                assert content == {"$ref": "#/components/schemas/Error"}, (path, method, code)


def test_operations_of_staff_and_of_money_say_what_they_want(operations):
    found = {(path, method): operation for path, method, operation in operations}

    answers = {path: set(found[path, "post"]["responses"]) for path, method in found if method == "post"}
    assert {"401", "403"} <= answers["/api/payments/refund/"] & answers["/api/payments/received/{id}/attach/"]
    assert "403" not in answers["/api/payments/"] | answers["/api/auth/login/"]
    wanted = {
        path
        for (path, _), operation in found.items()
        for parameter in operation.get("parameters", [])
        if parameter["name"] == "Idempotency-Key" and parameter.get("required")
    }
    assert wanted == {
        "/api/payments/refund/",
        "/api/gift-cards/",
        "/api/gift-cards/{id}/adjust/",
        "/api/users/{user_id}/credit/",
        "/api/returns/{id}/refund/",
        "/api/orders/bulk/",
        "/api/orders/{order_id}/collect/",
        "/api/orders/{order_id}/shipments/",
        "/api/stock/adjust/",
        "/api/stock/transfer/",
    }


def test_public_operations_are_exactly_the_listed_ones():
    found: dict[str, set[str]] = {}
    plain = set()
    for route, pattern in all_patterns(get_resolver()):
        view = getattr(pattern.callback, "cls", None)
        if route.startswith(("admin/", "static/", "media/")):
            continue
        if view is None or not issubclass(view, APIView):
            plain.add(route)
            continue
        permissions = pattern.callback.initkwargs.get("permission_classes", view.permission_classes)
        only_reads = IsAuthenticatedOrReadOnly in permissions or getattr(view, "public_reads", False)
        open_actions = getattr(view, "public_actions", ())
        if AllowAny not in permissions and permissions and not only_reads and not open_actions:
            continue
        actions = getattr(pattern.callback, "actions", None)
        methods = set(actions) if actions else {method for method in METHODS if hasattr(view, method)}
        if open_actions:
            methods = {method for method in methods if actions and actions[method] in open_actions}
        if only_reads:
            methods = {method for method in methods if method.upper() in SAFE_METHODS}
        if methods & set(METHODS):
            found.setdefault(readable(route), set()).update(methods & set(METHODS))

    assert {route: methods for route, methods in found.items() if methods} == OPEN_TO_ANYONE
    assert plain <= PLAIN_VIEWS


@pytest.mark.django_db
def test_private_operations_refuse_everybody_who_is_not_signed_in(api_client, operations):
    private = [
        (path, method)
        for path, method, _ in operations
        if method not in OPEN_TO_ANYONE.get(re.sub(r"\{\w+\}", "{}", path).removeprefix("/"), set())
    ]

    codes = {
        (path, method): getattr(api_client, method)(
            re.sub(r"\{\w+\}", "00000000-0000-7000-8000-000000000000", path), {} if method != "get" else None
        ).status_code
        for path, method in private
    }

    assert len(codes) >= 10
    assert {pair: code for pair, code in codes.items() if code != 401} == {}


@pytest.mark.parametrize("path", ["/api/docs/", "/swagger/", "/api/redoc/"])
@pytest.mark.django_db
def test_docs_need_nothing_from_the_internet(api_client, path):
    answer = api_client.get(path, HTTP_ACCEPT="text/html,*/*")
    html = answer.content.decode()

    assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")
    loaded = re.findall(r"""(?:src|href|url)\s*[=:(]\s*["']?([^"'\s>)]+)""", html)
    assert loaded
    assert [address for address in loaded if address.startswith(("http:", "https:", "//"))] == []
    assert "fonts.googleapis" not in html
    for address in loaded:
        if address.startswith("/static/"):
            assert api_client.get(address).status_code == 200, address


@pytest.mark.django_db
def test_schema_is_served_as_yaml_and_json(api_client):
    yaml = api_client.get("/api/schema/")
    json = api_client.get("/api/schema/", HTTP_ACCEPT="application/json")

    assert yaml["Content-Type"].startswith("application/vnd.oai.openapi")
    assert json.json()["info"]["title"] == "ByteMtaani API"


@pytest.mark.parametrize("path", ["/api/docs/", "/swagger/", "/api/redoc/"])
def test_pages_say_what_they_take(api_client, path):
    answer = api_client.options(path)

    assert (answer.status_code, answer.content, answer.headers["Allow"]) == (204, b"", "GET, HEAD, OPTIONS")
