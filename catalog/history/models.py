"""The history of products, what belongs to them, and price lists, one table for each. Triggers write it, whatever
writes the rows.

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
from catalog.prices.models import PriceList, PriceListItem
from catalog.reviews.models import Review

# Kept by triggers, workers and the search, or plain from the event itself.
_DERIVED = ("id", "created_at", "updated_at")


def _history_of(
    model: type[models.Model],
    *,
    fields: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    below: str = "",
) -> type[Event]:
    """Make the table and the triggers of one model's history.

    ``below`` names the field of what such rows belong to, and adds an index for finding them by it.
    """
    name = f"{model.__name__}Event"
    short = model.__name__.lower()
    indexes: list[Any] = [
        models.Index(fields=["pgh_obj", "pgh_id"], name=f"{short}_events"),
        BrinIndex(fields=["pgh_created_at"], name=f"{short}_events_age"),
    ]
    if below:
        name_of = below.rpartition("_")[2]
        indexes.append(models.Index(fields=[below, "pgh_id"], name=f"{short}_events_of_{name_of}"))
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


ProductEvent = _history_of(Product, exclude=("in_stock", "picture", "rating", "review_count", "search_vector"))
VariantEvent = _history_of(Variant, exclude=("picture",), below="product")
CategoryEvent = _history_of(Category, exclude=("path",))
BrandEvent = _history_of(Brand)
# Of pictures what staff decide, not what a worker draws; of reviews what the shop does with them, not what they say.
ProductImageEvent = _history_of(ProductImage, fields=("product", "variant", "alt", "position"), below="product")
ReviewEvent = _history_of(Review, fields=("product", "status", "reply", "replied_by", "moderated_by"), below="product")
PriceListEvent = _history_of(PriceList)
PriceListItemEvent = _history_of(PriceListItem, below="price_list")

EVENT_MODELS = (
    ProductEvent,
    VariantEvent,
    CategoryEvent,
    BrandEvent,
    ProductImageEvent,
    ReviewEvent,
    PriceListEvent,
    PriceListItemEvent,
)
