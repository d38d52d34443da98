"""Accounts of people elsewhere that open theirs here."""

from django.conf import settings
from django.db import models

from ecommerce.models import BaseModel


class SocialIdentity(BaseModel):
    """Who somebody is at Google or Facebook. Known by issuer and subject; a mail address there proves nothing."""

    class Provider(models.TextChoices):
        GOOGLE = "google"
        FACEBOOK = "facebook"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="social_identities")
    provider = models.CharField(max_length=10, choices=Provider.choices)
    issuer = models.CharField(max_length=100)  # of several spellings the one that is kept (providers)
    subject = models.CharField(max_length=255)  # Source: OpenID Connect Core, 2: at most 255 ASCII characters
    email = models.EmailField(blank=True)  # as it was there when they were linked; for the owner to tell them apart
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="social_identity_once")]

    def __str__(self) -> str:
        return f"{self.provider} {self.pk}"


class SpentToken(models.Model):
    """An identity token that has been used: it is taken once. Kept until it would have expired."""

    token_hash = models.CharField(max_length=64, primary_key=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.token_hash[:8]
