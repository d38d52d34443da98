"""The history of products and what belongs to them, one table for each. Triggers write it, whatever writes the rows.

A change keeps the row as it was *before*. What it was after is told by the next change, or by the row itself: so
nothing is doubled, history needs no beginning, and forgetting the oldest of it leaves the rest whole.
"""

from collections.abc import Sequence
from typing import Any

import pghistory
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from pghistory.models import Event

from catalog.images.models import ProductImage
from catalog.models import Brand, Category, Product, Variant
from catalog.reviews.models import Review

# Kept by triggers, workers and the search, or plain from the event itself.
_DERIVED = ("id", "created_at", "updated_at")


def _history_of(
    model: type[models.Model],
    *,
    fields: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    by_product: bool = False,
) -> type[Event]:
    """Make the table and the triggers of one model's history.

    ``by_product`` adds an index for finding what belongs to a product.
    """
    name = f"{model.__name__}Event"
    short = model.__name__.lower()
    indexes: list[Any] = [
        models.Index(fields=["pgh_obj", "pgh_id"], name=f"{short}_events"),
        BrinIndex(fields=["pgh_created_at"], name=f"{short}_events_age"),
    ]
    if by_product:
        indexes.append(models.Index(fields=["product", "pgh_id"], name=f"{short}_events_of_product"))
    event: type[Event] = pghistory.create_event_model(  # type: ignore[assignment]
        model,
        pghistory.InsertEvent(label="created"),
        pghistory.UpdateEvent(label="changed", row=pghistory.Old),
        pghistory.DeleteEvent(label="deleted"),
        fields=None if fields is None else list(fields),
        exclude=[*_DERIVED, *exclude],
        obj_field=pghistory.ObjForeignKey(related_name="+", db_index=False),
        append_only=True,
        abstract=False,
        model_name=name,
        meta={"default_permissions": ("view",), "indexes": indexes},
    )
    return event


ProductEvent = _history_of(
    Product, exclude=("in_stock", "is_withheld", "picture", "rating", "review_count", "search_vector")
)
VariantEvent = _history_of(Variant, exclude=("picture",), by_product=True)
CategoryEvent = _history_of(Category, exclude=("path",))
BrandEvent = _history_of(Brand)
# Of pictures what staff decide, not what a worker draws; of reviews what the shop does with them, not what they say.
ProductImageEvent = _history_of(ProductImage, fields=("product", "variant", "alt", "position"), by_product=True)
ReviewEvent = _history_of(Review, fields=("product", "status", "reply", "replied_by", "moderated_by"), by_product=True)

EVENT_MODELS = (ProductEvent, VariantEvent, CategoryEvent, BrandEvent, ProductImageEvent, ReviewEvent)
