"""What the search knows besides the products: the shop's words, and the attributes that products have."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func


class SearchWord(models.Model):
    """A word of the shop's names, brands and categories: what a mistyped one can be corrected to."""

    word = models.TextField(primary_key=True, db_collation="C")
    frequency = models.PositiveIntegerField(default=1)  # products for sale that have it, when last counted
    sound = models.GeneratedField(  # ifone and iphone are one
        expression=Func(F("word"), function="catalog_sound"), output_field=models.TextField(), db_persist=True
    )
    keys = models.GeneratedField(  # shared by words that differ in one letter
        expression=Func(Func(F("word"), function="catalog_sound"), function="catalog_spelling_keys"),
        output_field=ArrayField(models.TextField()),
        db_persist=True,
    )

    class Meta:
        default_permissions = ()
        indexes = [
            GinIndex(fields=["keys"], name="search_word_keys"),
            GinIndex(fields=["sound"], opclasses=["gin_trgm_ops"], name="search_word_trigrams"),
        ]

    def __str__(self) -> str:
        return self.word


class SearchAttribute(models.Model):
    """The name of an attribute by which products can be filtered."""

    name = models.TextField(primary_key=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
