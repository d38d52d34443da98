"""Attributes of products: what they are called, which values they have, and in which categories."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from ecommerce.models import BaseModel


class Attribute(BaseModel):
    """What is known of a product under one name, wherever products have it.

    A product keeps its values in ``Product.attributes`` under ``code``: a number in ``unit``, true or false, the code
    of a choice or several, or text. ``meaning`` says for the search how other spellings are read; it is kept by
    ``attributes.services``.
    """

    class Type(models.TextChoices):
        TEXT = "text"
        NUMBER = "number"
        BOOLEAN = "boolean"
        CHOICE = "choice"

    code = models.CharField(max_length=60, unique=True)  # as the search folds names: screen_size
    label = models.CharField(max_length=120)
    type = models.CharField(max_length=10, choices=Type.choices)
    unit = models.CharField(max_length=10, blank=True)
    filterable = models.BooleanField(default=True)
    facetable = models.BooleanField(default=True)
    # Where the ranges of a number's facet begin; without them it tells values.
    steps = ArrayField(models.DecimalField(max_digits=21, decimal_places=6), default=list, blank=True)
    meaning = models.JSONField(default=dict, editable=False)

    class Meta:
        ordering = ("code",)
        constraints = [
            models.CheckConstraint(condition=Q(code__regex=r"^[a-z0-9]+(_[a-z0-9]+)*$"), name="attribute_code_folded"),
            models.CheckConstraint(
                condition=Q(type="number") | Q(unit="", steps=[]), name="attribute_unit_and_steps_of_numbers"
            ),
        ]

    def __str__(self) -> str:
        return self.label


class AttributeChoice(models.Model):
    """One of the values of an attribute; products keep its code."""

    attribute = models.ForeignKey(Attribute, on_delete=models.CASCADE, related_name="choices")
    code = models.CharField(max_length=60)
    label = models.CharField(max_length=120)
    position = models.PositiveSmallIntegerField(default=0)
    former = ArrayField(models.CharField(max_length=60), default=list, blank=True)  # codes that still mean this one

    class Meta:
        default_permissions = ()
        ordering = ("position", "code")
        constraints = [models.UniqueConstraint(fields=["attribute", "code"], name="attribute_choice_once")]

    def __str__(self) -> str:
        return self.label


class CategoryAttribute(models.Model):
    """That products of a category, and of all below it, have an attribute; a row nearer to the product wins."""

    category = models.ForeignKey("catalog.Category", on_delete=models.CASCADE, related_name="attribute_rows")
    attribute = models.ForeignKey(Attribute, on_delete=models.CASCADE, related_name="category_rows")
    required = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        default_permissions = ()
        ordering = ("position", "id")
        constraints = [models.UniqueConstraint(fields=["category", "attribute"], name="category_attribute_once")]

    def __str__(self) -> str:
        return f"{self.attribute_id} in {self.category_id}"


class ProductNumber(models.Model):
    """A number that a product, or a variant of it for sale, has; written by ``catalog.searching.indexing`` alone."""

    product: Any = models.ForeignKey("catalog.Product", on_delete=models.CASCADE, related_name="+", db_index=False)
    attribute = models.ForeignKey(Attribute, on_delete=models.CASCADE, related_name="+", db_index=False)
    value = models.DecimalField(max_digits=21, decimal_places=6)  # in the attribute's unit

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["product", "attribute", "value"], name="product_number_once")]
        indexes = [models.Index(fields=["attribute", "value", "product"], name="product_number_range")]

    def __str__(self) -> str:
        return f"{self.value}"
