"""What people wish, and what they consented to."""

from django.conf import settings
from django.db import models
from pgtrigger import ReadOnly

from ecommerce.models import BaseModel


class Purpose(models.TextChoices):
    """What somebody may consent to. Each by itself; none is ever on before it was given."""

    MARKETING_MAIL = "marketing_mail"
    MARKETING_SMS = "marketing_sms"


class Profile(BaseModel):
    """A user's picture and wishes; not in the user's own row, which every request reads. Made at the first change.

    ``marketing_…`` is what the newest ``ConsentRecord`` of that purpose says, so that senders can join it.
    """

    class Language(models.TextChoices):
        ENGLISH = "en"
        SWAHILI = "sw"

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="profile")
    language = models.CharField(max_length=2, choices=Language.choices, default=Language.ENGLISH)
    currency = models.CharField(max_length=3, default=settings.DEFAULT_CURRENCY)  # in which prices are shown
    parcel_mails = models.BooleanField(default=True)  # news of parcels; invoices and what one asked for always come
    marketing_mail = models.BooleanField(default=False)
    marketing_sms = models.BooleanField(default=False)
    avatar = models.CharField(max_length=100, blank=True)  # a file's name in the storage
    avatar_upload = models.CharField(max_length=100, blank=True)  # what is still to be drawn; never served
    avatar_failure = models.CharField(max_length=40, blank=True)  # the code of what was wrong with the last upload

    class Meta:
        default_permissions = ()  # those of the user

    def __str__(self) -> str:
        return str(self.user_id)

    @property
    def avatar_state(self) -> str:
        """Return what has become of the last upload: ``processing``, ``failed``, ``ready``, or nothing."""
        if self.avatar_upload:
            return "processing"
        if self.avatar_failure:
            return "failed"
        return "ready" if self.avatar else ""


class ConsentRecord(BaseModel):
    """That somebody consented to something, or withdrew it, and to which words. Never changed."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="consents")
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    is_granted = models.BooleanField()
    text_version = models.CharField(max_length=20)  # of ``consent_texts``

    class Meta:
        default_permissions = ("view",)
        ordering = ("-created_at", "-id")
        triggers = [ReadOnly(name="append_only")]

    def __str__(self) -> str:
        return f"{self.purpose} {'granted' if self.is_granted else 'withdrawn'}"
