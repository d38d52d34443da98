"""Writing products over HTTP, and looking at what is stored, in tests."""

from typing import Any

from catalog.models import Product, Stock, StockMovement, Variant
from ecommerce.models import IdempotencyKey
from tests.factories import CategoryFactory

PRODUCTS = "/api/products/"


def page(product: Product, name: str = "") -> str:
    return f"{PRODUCTS}{product.pk}/" + (f"{name}/" if name else "")


def charger(**changes: Any) -> dict[str, Any]:
    """Return a whole product as its seller would send it."""
    category = changes.pop("category", None) or CategoryFactory().url_key
    return {
        "product_name": "Anker 313 charger",
        "category": category,
        "variants": [{"sku": "ANK-BLK", "options": {"color": "Black"}, "price": "2499.00", "stock": 5}],
    } | changes


def errors(answer: Any) -> list[tuple[str, str | None]]:
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


def everything() -> tuple[Any, ...]:
    return (
        list(Product.objects.order_by("pk").values()),
        list(Variant.objects.order_by("pk").values()),
        list(Stock.objects.order_by("pk").values()),
        StockMovement.objects.count(),
        IdempotencyKey.objects.count(),
    )
