"""Collections of products."""

from django.db import models
from django.db.models import F, Q

from ecommerce.models import BaseModel


class Collection(BaseModel):
    """Products under one name: chosen and ordered by hand, or all that fit a rule at the moment of reading."""

    class Kind(models.TextChoices):
        BY_HAND = "by_hand"
        BY_RULE = "by_rule"

    name = models.CharField(max_length=120, unique=True)
    url_key = models.SlugField(max_length=140, unique=True)
    description = models.TextField(max_length=5000, blank=True)
    position = models.PositiveSmallIntegerField(default=0)  # among the collections
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.BY_HAND)
    rule = models.JSONField(default=dict, blank=True)  # as curation.rules has checked it
    published_from = models.DateTimeField(null=True, blank=True)  # None: not published
    published_until = models.DateTimeField(null=True, blank=True)  # None: for ever

    class Meta:
        ordering = ("position", "name")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="by_hand", rule={}) | (Q(kind="by_rule") & ~Q(rule={})),
                name="collection_has_a_rule_or_is_by_hand",
            ),
            models.CheckConstraint(
                condition=Q(published_until__isnull=True)
                | Q(published_from__isnull=True)
                | Q(published_from__lt=F("published_until")),
                name="collection_begins_before_it_ends",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CollectionProduct(models.Model):
    """A product's place in a collection by hand."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="places")
    product = models.ForeignKey("catalog.Product", on_delete=models.CASCADE, related_name="places")
    position = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()  # those of the collection
        ordering = ("position", "id")
        constraints = [
            models.UniqueConstraint(fields=["collection", "product"], name="collection_product_once"),
        ]

    def __str__(self) -> str:
        return f"{self.position}"
