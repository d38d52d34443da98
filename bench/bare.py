"""What the shop is measured against: Django without middleware, one hand-written statement for each request.

Served by gunicorn as ``bench.bare:application`` on the database that DATABASE_URL names; see bench/catalogue.py, and
bench/orders.py, which makes the tables and the function that a cart and an order use here.
"""

import json
import os
from datetime import datetime
from typing import Any

import environ
from django.conf import settings
from django.core.cache import cache
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

_environ = environ.Env()

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": {**_environ.db_url("DATABASE_URL"), "CONN_MAX_AGE": 60}},
        CACHES={
            "default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": os.environ["REDIS_URL"],
                "KEY_PREFIX": os.environ.get("CACHE_KEY_PREFIX", "bare"),
            }
        },
        MIDDLEWARE=[],
        ROOT_URLCONF="bench.bare",
        USE_TZ=True,
    )

LIST = """
SELECT p.id, p.product_name, p.url_key, p.price, p.currency, p.image_url, p.rating, p.created_at,
    c.category_name, b.name,
    (SELECT sum(s.available) FROM catalog_stock AS s WHERE s.product_id = p.id)
FROM catalog_product AS p
JOIN catalog_category AS c ON c.id = p.category_id LEFT JOIN catalog_brand AS b ON b.id = p.brand_id
WHERE p.category_id = (SELECT id FROM catalog_category WHERE url_key = %s) AND p.is_active AND p.deleted_at IS NULL
ORDER BY p.product_name, p.id LIMIT 20 OFFSET %s
"""
DETAIL = """
SELECT p.id, p.product_name, p.url_key, p.price, p.currency, p.image_url, p.rating, p.created_at,
    c.category_name, b.name,
    p.description, p.attributes, (
        SELECT json_agg(json_build_object('id', v.id, 'sku', v.sku, 'options', v.options, 'price', v.price::text,
            'stock', s.available) ORDER BY v.position)
        FROM catalog_variant AS v JOIN catalog_stock AS s ON s.variant_id = v.id WHERE v.product_id = p.id
    )
FROM catalog_product AS p
JOIN catalog_category AS c ON c.id = p.category_id LEFT JOIN catalog_brand AS b ON b.id = p.brand_id
WHERE p.url_key = %s AND p.is_active AND p.deleted_at IS NULL
"""
SEARCH = """
SELECT id, product_name, url_key, price, currency, image_url, rating, created_at, ts_rank(search_vector, query) AS rank,
    (SELECT sum(s.available) FROM catalog_stock AS s WHERE s.product_id = catalog_product.id)
FROM catalog_product, to_tsquery('simple', %s) AS query
WHERE is_active AND deleted_at IS NULL AND search_vector @@ query ORDER BY rank DESC, id LIMIT 20
"""

ADD_TO_CART = """
INSERT INTO bare_cart_item (customer, variant_id, quantity) VALUES (%s, %s, %s)
ON CONFLICT (customer, variant_id) DO UPDATE SET quantity = bare_cart_item.quantity + excluded.quantity
"""
CART = """
SELECT i.variant_id, i.quantity, v.sku, v.options, v.price, v.price * i.quantity AS line_total,
    sum(v.price * i.quantity) OVER () AS total_amount, p.id AS product_id, p.product_name, p.url_key, p.currency,
    s.available
FROM bare_cart_item AS i JOIN catalog_variant AS v ON v.id = i.variant_id
JOIN catalog_product AS p ON p.id = v.product_id JOIN bare_stock AS s USING (variant_id)
WHERE i.customer = %s
"""
ORDER = "SELECT bare_place_order(%s, %s)::text"


class Answer(HttpResponse):
    def __init__(self, body: bytes) -> None:
        super().__init__(body, content_type="application/json", headers={"Content-Length": str(len(body))})


def rows(statement: str, *parameters: Any) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        names = [column[0] for column in cursor.description]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return Answer(json.dumps(found, default=_text).encode())


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def show_list(request: HttpRequest) -> HttpResponse:
    return rows(LIST, request.GET["category"], 20 * (int(request.GET.get("page", 1)) - 1))


def show_detail(request: HttpRequest, key: str) -> HttpResponse:
    return rows(DETAIL, key)


def show_search(request: HttpRequest) -> HttpResponse:
    return rows(SEARCH, request.GET["search"])


def add_to_cart(request: HttpRequest) -> HttpResponse:
    wanted = json.loads(request.body)
    with connection.cursor() as cursor:
        cursor.execute(ADD_TO_CART, (wanted["customer"], wanted["variant_id"], wanted["quantity"]))
    return rows(CART, wanted["customer"])


def place_order(request: HttpRequest) -> HttpResponse:
    wanted = json.loads(request.body)
    with connection.cursor() as cursor:
        cursor.execute(ORDER, (wanted["customer"], json.dumps(wanted["items"])))
        (order,) = cursor.fetchone()
    return Answer(order.encode())


def show_kept(request: HttpRequest) -> HttpResponse:
    """Bytes from Redis: what a cached page costs at least."""
    key = f"bare:{request.GET['key']}"
    body: bytes | None = cache.get(key)
    if body is None:
        body = b"x" * 13_000
        cache.set(key, body)
    return Answer(body)


urlpatterns = [
    path("list", show_list),
    path("detail/<str:key>", show_detail),
    path("search", show_search),
    path("kept", show_kept),
    path("cart", add_to_cart),
    path("order", place_order),
    path("healthz", lambda request: Answer(b"{}")),
]
application = get_wsgi_application()
