"""Counters that must be right even without Redis: what costs money, or guards an account."""

from django.db import models


class Quota(models.Model):
    """How often something was done in one window of time. ``identity`` is a keyed hash: it tells nobody's number."""

    scope = models.CharField(max_length=40)
    identity = models.CharField(max_length=64)
    ends_at = models.DateTimeField(db_index=True)
    used = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "identity", "ends_at"], name="quota_once")]

    def __str__(self) -> str:
        return f"{self.scope} {self.used}"
