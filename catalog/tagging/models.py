"""Tags."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from ecommerce.models import BaseModel


class Tag(BaseModel):
    """A word that products carry. ``Product.tags`` keeps its url_key: read far more often than a tag is renamed."""

    name = models.CharField(max_length=60, unique=True)
    url_key = models.SlugField(max_length=60, unique=True)
    # url_keys that it had, or tags that became part of it: they still mean this one.
    former = ArrayField(models.CharField(max_length=60), default=list, blank=True, editable=False)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
