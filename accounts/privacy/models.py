"""Who was erased, and when."""

from django.conf import settings
from django.db import models

from ecommerce.models import BaseModel


class Erasure(BaseModel):
    """Somebody wanted to be forgotten at ``created_at``. Kept: it is the proof, and names nobody."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="erasure")
    # Of the e-mail or phone number: see ``identity.pseudonym_of``. Somebody may come and go twice.
    pseudonym = models.CharField(max_length=32, db_index=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.pseudonym
