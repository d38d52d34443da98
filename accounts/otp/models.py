"""One-time codes by text message and by mail."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from ecommerce.models import BaseModel


class OneTimeCodeQuerySet(models.QuerySet["OneTimeCode"]):
    def live(self) -> "OneTimeCodeQuerySet":
        return self.filter(used_at__isnull=True, ended_at__isnull=True, expires_at__gt=Now())


class OneTimeCode(BaseModel):
    """Six digits that were asked for. They are made when they are sent; only their keyed hash is kept.

    ``user`` is whose number or address is to be confirmed; empty where the number itself says who it is. It goes to
    ``email`` or to ``phone_number``, never to both.
    """

    class Purpose(models.TextChoices):
        LOG_IN = "log_in"
        PHONE = "phone"
        RESET = "reset"
        EMAIL = "email"

    MAX_TRIES: ClassVar[int] = 5

    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    phone_number = models.CharField(max_length=16, blank=True)  # E.164
    email = models.EmailField(default="", blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="one_time_codes"
    )
    code_hash = models.CharField(max_length=64, blank=True)  # empty until it is sent
    expires_at = models.DateTimeField(db_index=True)
    tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)  # by a later one

    objects = OneTimeCodeQuerySet.as_manager()

    class Meta:
        constraints = [
            # A later code ends the former one, whatever comes at the same time.
            models.UniqueConstraint(
                fields=["purpose", "phone_number", "user"],
                condition=Q(used_at__isnull=True, ended_at__isnull=True),
                nulls_distinct=False,
                name="one_time_code_one_open",
            ),
            models.UniqueConstraint(
                fields=["email"],
                condition=Q(used_at__isnull=True, ended_at__isnull=True) & ~Q(email=""),
                name="one_time_code_one_open_by_mail",
            ),
            models.CheckConstraint(condition=Q(tries__lte=5), name="one_time_code_five_tries"),
            models.CheckConstraint(condition=Q(email="") ^ Q(phone_number=""), name="one_time_code_goes_to_one_place"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.pk}"
