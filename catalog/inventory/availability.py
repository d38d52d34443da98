"""Whether a thing can be bought: from what is here, or from what comes later."""

from typing import Any, TypeVar

from django.db import models
from django.db.models import Case, F, Q, QuerySet, Value, When

Products = TypeVar("Products", bound=QuerySet[Any])


class Availability(models.TextChoices):
    """The best first. The words are those of schema.org and of the feeds for product search."""

    IN_STOCK = "in_stock"
    BACKORDER = "backorder"  # sold now, sent when more have come
    PREORDER = "preorder"  # the same, before it is out for the first time
    OUT_OF_STOCK = "out_of_stock"


class AvailabilityPolicy(models.TextChoices):
    """What a variant of which nothing is left does. But for the first, the words are those of ``Availability``."""

    DENY = "deny"  # it is not sold
    BACKORDER = "backorder"
    PREORDER = "preorder"


_NOTHING_LEFT = Q(available__lte=0)
_CAN_BE_ORDERED = Q(available__gt=-F("backorder_limit"))
_LATER = (Availability.BACKORDER, Availability.PREORDER)


def with_availability(products: Products, levels: QuerySet[Any]) -> Products:
    """Annotate products with the best ``availability`` of ``levels``, their ``Stock``, and its ``available_from``.

    What is not kept in stock is always there. ``catalog_documents`` in the database says the same.
    """
    ranked = levels.annotate(
        rank=Case(
            When(available__gt=0, then=Value(0)),
            When(_CAN_BE_ORDERED & Q(availability_policy=AvailabilityPolicy.BACKORDER), then=Value(1)),
            When(_CAN_BE_ORDERED, then=Value(2)),
            default=Value(3),
        )
    ).order_by("rank", "available_from")
    best = models.Subquery(ranked.values("rank")[:1])
    return products.alias(best_rank=best).annotate(
        availability=Case(
            When(~Q(kind="physical"), then=Value(Availability.IN_STOCK.value)),
            *(When(best_rank=rank, then=Value(each.value)) for rank, each in enumerate(Availability)),
            default=Value(Availability.OUT_OF_STOCK.value),
            output_field=models.CharField(),
        ),
        available_from=Case(
            When(availability__in=_LATER, then=models.Subquery(ranked.values("available_from")[:1])),
            output_field=models.DateField(null=True),
        ),
    )
