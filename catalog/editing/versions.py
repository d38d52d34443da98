"""Telling whether a product is still what its editor has read.

The strong ``ETag`` made here is the editors'. The weak one of public pages (``catalog.documents.answers``) is that of
an answer's bytes, for readers who have them already; it matches nothing here.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.serializers.json import DjangoJSONEncoder

from catalog.editing.exceptions import PreconditionFailed, ProductChanged
from catalog.models import Product, Variant
from ecommerce.exceptions import ErrorRow

_PRODUCT = (
    "product_name",
    "url_key",
    "description",
    "category_id",
    "brand_id",
    "kind",
    "seller_id",
    "image_url",
    "attributes",
    "tags",
    "tax_kind",
    "item_class_code",
    "is_active",
    "deleted_at",
)
_VARIANT = (
    "id",
    "sku",
    "mpn",
    "options",
    "price",
    "compare_at_price",
    "weight_grams",
    "barcode",
    "image_url",
    "position",
    "is_active",
)


def etag_of(product: Product, variants: Iterable[Variant]) -> str:
    """Return what changes when, and only when, something does that editors write: not by sales, ratings, pictures."""
    seen = [
        [getattr(product, name) for name in _PRODUCT],
        sorted(
            [str(getattr(variant, name)) if name == "id" else getattr(variant, name) for name in _VARIANT]
            for variant in variants
        ),
    ]
    text = json.dumps(seen, cls=DjangoJSONEncoder, sort_keys=True)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


@dataclass(frozen=True)
class Expected:
    """What an editor believes to change: any of these ``ETag``s, a product last changed then, or both."""

    etags: tuple[str, ...] = ()
    updated_at: datetime | None = None

    def check(self, product: Product, variants: Iterable[Variant]) -> None:
        """Compare with the locked product.

        Raises:
            PreconditionFailed: it has none of the ``ETag``s.
            ProductChanged: it was changed at another time.
        """
        if not self.etags and self.updated_at is None:
            return
        now = etag_of(product, variants)
        facts = {"etag": now, "updated_at": product.updated_at}
        if self.etags and "*" not in self.etags and now not in self.etags:
            raise PreconditionFailed([ErrorRow(ProductChanged.code, ProductChanged.message, "If-Match")], **facts)
        if self.updated_at is not None and self.updated_at != product.updated_at:
            raise ProductChanged([ErrorRow(ProductChanged.code, ProductChanged.message, "updated_at")], **facts)
