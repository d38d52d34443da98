"""How often the catalogue has changed."""

from django.db import models


class CatalogueVersion(models.Model):
    """One of several counters of changes; their sum is the catalogue's version.

    A transaction that changes what the catalogue shows adds one to a counter that nobody else holds (a trigger does),
    so that writers never wait for each other here. What is read after the version is at least as new as the version.
    """

    slot = models.AutoField(primary_key=True)
    changes = models.BigIntegerField()
    changed_at = models.DateTimeField()  # stamped at commit

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.slot}: {self.changes}"
