"""What the OpenAPI document says of writing products."""

from drf_spectacular.utils import OpenApiExample, OpenApiParameter

IF_MATCH_HEADER = OpenApiParameter(
    "If-Match",
    location=OpenApiParameter.HEADER,
    description=(
        "The `ETag` of the product as you read it at `/edit/` or in the answer to your last change. If it is another "
        "one now, the answer is a 412 `product_changed` and nothing is written. Without it, the last writer wins."
    ),
)
_WHO = "Staff with the right, and sellers on what is their own. "
CREATE = _WHO + (
    "With its variants and their first stock, in one transaction. `price` is the lowest of its variants. Sellers make "
    "products of their own; only staff may name a `seller`, give `tags`, and say how it is taxed (`tax_kind`, "
    "`item_class_code`). `attributes` take the form that the "
    'category gives them: `"45 W"` is stored as `45`, and what does not fit is a 400 at `attributes.<name>`. A field '
    "that is unknown or that the shop keeps itself is a 400 that names it; a `url_key` or SKU that is taken a 409."
)
REPLACE = _WHO + (
    "What is left out becomes empty, except `url_key`, `kind`, `seller`, `is_active`, `tax_kind` and "
    "`item_class_code`, and `sku` and `price` of a variant, which stay. Variants are named by `id` or `sku`. Those "
    "that are left out are removed: deleted if no order, movement of stock or cart knows them, else set to "
    "`is_active: false`. Their stock stays what it is."
)
CHANGE = _WHO + (
    "What is left out stays, also of `variants`: those that are named are changed, those with a new `sku` are added, "
    "the others stay. `attributes`, `tags` and `options` are replaced as a whole. A new `category` asks for its "
    "required attributes."
)
REMOVE = _WHO + (
    "It leaves the shop, the search, wishlists and carts, and can be restored; orders keep it. Its `url_key` and SKUs "
    "stay its own. A repeat answers 204 again."
)
RESTORE = _WHO + "It comes back as it was. A repeat changes nothing."
EDIT = _WHO + "With everything that can be written, inactive variants too, also while it is hidden or removed."

_VARIANT = {
    "id": "0198c0de-0000-7000-8000-000000000002",
    "sku": "ANK-313-BLK",
    "mpn": "A2668",
    "options": {"color": "Black"},
    "price": "2499.00",
    "compare_at_price": "2999.00",
    "weight_grams": 60,
    "barcode": "0194644098728",
    "image_url": "",
    "position": 0,
    "is_active": True,
    "stock": 24,
}
_SHOWN = {
    "id": "0198c0de-0000-7000-8000-000000000001",
    "product_name": "Anker 313 charger, 45 W",
    "url_key": "anker-313-charger-45-w",
    "description": "For phones, tablets and small laptops.",
    "category": {
        "id": "0198c0de-0000-7000-8000-000000000003",
        "category_name": "Chargers",
        "url_key": "chargers",
    },
    "brand": {"id": "0198c0de-0000-7000-8000-000000000004", "name": "Anker", "url_key": "anker"},
    "kind": "physical",
    "seller": None,
    "price": "2499.00",
    "currency": "KES",
    "in_stock": True,
    "image_url": "",
    "attributes": {"power_watts": 45},
    "tags": ["back-to-school"],
    "tax_kind": "standard",
    "item_class_code": "43211609",
    "is_active": True,
    "variants": [_VARIANT],
    "created_at": "2026-11-21T07:45:00Z",
    "updated_at": "2026-11-21T07:45:00Z",
    "deleted_at": None,
}
_WRITTEN = {
    "product_name": _SHOWN["product_name"],
    "description": _SHOWN["description"],
    "category": "chargers",
    "brand": "anker",
    "attributes": _SHOWN["attributes"],
    "tags": ["Back to school"],
    "variants": [
        {
            "sku": "ANK-313-BLK",
            "mpn": "A2668",
            "options": {"color": "Black"},
            "price": "2499.00",
            "compare_at_price": "2999.00",
            "weight_grams": 60,
            "barcode": "0194644098728",
            "stock": 24,
        }
    ],
}
_OTHER = {"sku": "ANK-313-WHT", "options": {"color": "White"}, "price": "2499.00"}

SHOWN_EXAMPLES = [OpenApiExample("A charger", value=_SHOWN, response_only=True, status_codes=["200"])]
CREATE_EXAMPLES = [
    OpenApiExample("A charger", value=_WRITTEN, request_only=True),
    OpenApiExample("Created", value=_SHOWN, response_only=True, status_codes=["201"]),
]
REPLACE_EXAMPLES = [
    OpenApiExample(
        "Two colours",
        value=_WRITTEN | {"variants": [{"sku": "ANK-313-BLK", "options": {"color": "Black"}}, _OTHER]},
        request_only=True,
    ),
    *SHOWN_EXAMPLES,
]
CHANGE_EXAMPLES = [
    OpenApiExample(
        "A lower price",
        value={
            "variants": [{"sku": "ANK-313-BLK", "price": "2299.00"}],
            "updated_at": _SHOWN["updated_at"],
        },
        request_only=True,
    ),
    OpenApiExample("Out of the shop window", value={"is_active": False}, request_only=True),
    *SHOWN_EXAMPLES,
]
