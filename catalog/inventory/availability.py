"""Whether a thing can be bought: from what is here, or from what comes later."""

from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from django.db import models
from django.db.models import Case, F, Q, QuerySet, Value, When

from catalog.inventory.exceptions import AvailabilityNotWhole

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


@dataclass(frozen=True)
class Selling:
    """How a variant is sold beyond what is here: by ``limit`` units at most, expected from a day on."""

    policy: AvailabilityPolicy = AvailabilityPolicy.DENY
    limit: int = 0
    available_from: date | None = None

    def check(self) -> None:
        """Raises: AvailabilityNotWhole: a limit without a policy, a policy without one, a pre-order without a day."""
        sells_later = self.policy != AvailabilityPolicy.DENY
        if sells_later != bool(self.limit):
            raise AvailabilityNotWhole.about(
                "backorder_limit",
                "How many units may be sold?" if sells_later else "Nothing is sold beyond what is here.",
            )
        if self.policy == AvailabilityPolicy.PREORDER and self.available_from is None:
            raise AvailabilityNotWhole.about("available_from", "A pre-order says from when on it is expected.")
        if not sells_later and self.available_from is not None:
            raise AvailabilityNotWhole.about("available_from", "Nothing is sold before it is here.")

    def columns(self) -> dict[str, Any]:
        """Return it by the columns of ``Stock``."""
        return {
            "availability_policy": self.policy,
            "backorder_limit": self.limit,
            "available_from": self.available_from,
        }


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
