"""Keys for integrations: a key does less than its owner, never more."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from ecommerce.models import BaseModel


class ApiKey(BaseModel):
    """One key; only its SHA-256 is kept, and the beginning by which its owner knows it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=16)
    key_hash = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=40))
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)  # to the minute
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.prefix}… {self.name}"

    @property
    def counted_as(self) -> tuple[str, str]:
        """The limit of requests that this key has to itself: scope and identity (ecommerce.throttling)."""
        return "api_key", str(self.pk)
