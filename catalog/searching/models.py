"""What the search knows besides the products: the shop's words, other words for them, and the products' attributes."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, Q

from ecommerce.models import BaseModel

_FOLDED = r"^[a-z0-9]+([-_./ ][a-z0-9]+)*$"


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


class SearchSynonym(BaseModel):
    """What else somebody means who writes ``term``. Both are kept as the search folds them: words between spaces."""

    term = models.CharField(max_length=100)
    meaning = models.CharField(max_length=100)
    two_way = models.BooleanField(default=False)  # and who writes ``meaning`` means ``term`` as well

    class Meta:
        default_permissions = ("add", "view", "delete")
        ordering = ("term", "meaning")
        constraints = [
            models.UniqueConstraint(fields=["term", "meaning"], name="search_synonym_once"),
            models.CheckConstraint(condition=~Q(term=F("meaning")), name="search_synonym_means_something_else"),
            # They become part of a query: nothing in them may be an operator.
            models.CheckConstraint(
                condition=Q(term__regex=_FOLDED, meaning__regex=_FOLDED), name="search_synonym_is_folded"
            ),
        ]
        indexes = [models.Index(fields=["meaning"], name="search_synonym_back", condition=Q(two_way=True))]

    def __str__(self) -> str:
        return f"{self.term} {'↔' if self.two_way else '→'} {self.meaning}"
