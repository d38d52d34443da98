"""The last change of each product. Written by triggers alone: see the migration product_changes."""

from typing import Any

from django.db import models


class TransactionIdField(models.Field):  # type: ignore[type-arg]  # generic for the type checker only
    """PostgreSQL's ``xid8``: the number of a transaction, which is never used again."""

    def db_type(self, connection: Any) -> str:
        return "xid8"


class ProductChange(models.Model):
    """One narrow row for each product that ever was; one that is gone keeps its row as a tombstone."""

    product_id = models.UUIDField(primary_key=True)  # no foreign key: it outlives the product
    changed_xid = TransactionIdField()
    changed_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["changed_xid", "product_id"], name="product_change_order"),
            models.Index(fields=["changed_at"], name="product_change_time"),
        ]

    def __str__(self) -> str:
        return str(self.product_id)
