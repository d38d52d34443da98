"""How often somebody has tried in vain."""

from django.db import models


class TryCount(models.Model):
    """The failed tries of one account, of one network, or of one account from a network that it knows.

    ``key`` is a keyed hash, so that the table holds neither names nor addresses, and a name that nobody has is counted
    like any other. ``failures`` is the level at ``counted_at``; it drains with time. After ``expires_at`` the row
    means nothing.
    """

    key = models.UUIDField(primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    counted_at = models.DateTimeField()
    locked_until = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.key}: {self.failures}"
