"""Changing the e-mail address of an account."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from ecommerce.models import BaseModel


class EmailChangeQuerySet(models.QuerySet["EmailChange"]):
    def open(self) -> "EmailChangeQuerySet":
        return self.filter(used_at__isnull=True, ended_at__isnull=True)

    def live(self) -> "EmailChangeQuerySet":
        return self.open().filter(expires_at__gt=Now())


class EmailChange(BaseModel):
    """An address that somebody wants to log in with. It is theirs once the link that was sent there comes back."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="email_changes")
    new_email = models.EmailField()
    old_email = models.EmailField(null=True)
    token_hash = models.CharField(max_length=64, null=True, unique=True)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)  # by a later one

    objects = EmailChangeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(used_at__isnull=True, ended_at__isnull=True),
                name="email_change_one_open",
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)
