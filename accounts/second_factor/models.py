"""A second way of proving who one is: an authenticator app, ten codes on paper, and log-ins that wait for one."""

from django.conf import settings
from django.db import models

from ecommerce.models import BaseModel


class SecondFactor(BaseModel):
    """The authenticator app of a user, and the count of wrong tries.

    The row is there from the first attempt to set one up; it holds from ``User.second_factor_at`` on. The secret is
    sealed (``sealing``), never in clear.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="second_factor")
    sealed_secret = models.CharField(max_length=255, blank=True)
    last_step = models.BigIntegerField(default=0)  # of the code used last, in steps of 30 s since 1970
    failures = models.PositiveIntegerField(default=0)  # in a row
    blocked_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.pk)


class RecoveryCode(BaseModel):
    """A code for the day the phone is lost. Used once; only a keyed hash is kept."""

    factor = models.ForeignKey(SecondFactor, on_delete=models.CASCADE, related_name="recovery_codes")
    code_hash = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["factor", "code_hash"], name="recovery_code_once")]

    def __str__(self) -> str:
        return str(self.pk)


class LogInChallenge(BaseModel):
    """A log-in whose first step is done; the code ends it. Used once, of the user's epoch, for five minutes."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="log_in_challenges")
    token_hash = models.CharField(max_length=64, unique=True)
    by = models.CharField(max_length=20)  # the way in, for the trail
    session_epoch = models.PositiveIntegerField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.pk)
