"""Lasting tokens of 40 characters, for programs that cannot refresh."""

from django.conf import settings
from django.db import models

from ecommerce.models import BaseModel


class OpaqueToken(BaseModel):
    """One token; only its SHA-256 is kept. It ends when nobody uses it for a while, and with the user's epoch."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="opaque_tokens")
    name = models.CharField(max_length=80, blank=True)  # what its owner calls it
    token_hash = models.CharField(max_length=64, unique=True)
    session_epoch = models.PositiveIntegerField()
    last_used_at = models.DateTimeField()  # to the minute
    revoked_at = models.DateTimeField(null=True)
    user_agent = models.CharField(max_length=200, blank=True)  # of who asked for it
    ip_address = models.GenericIPAddressField(null=True)

    def __str__(self) -> str:
        return str(self.pk)
