"""What became of each text message. Neither text nor number is kept: the one may be a code, both are private."""

from django.db import models

from ecommerce.models import BaseModel


class SmsMessage(BaseModel):
    """One message that was handed to the service, at most once for each ``reference``."""

    class Status(models.TextChoices):
        SENDING = "sending"
        ACCEPTED = "accepted"
        REFUSED = "refused"
        NOT_RECEIVED = "not_received"  # certainly; it may be handed over again
        UNKNOWN = "unknown"  # the service may have sent it; a repeat would cost twice and confuse

    reference = models.CharField(max_length=100, unique=True)  # what it is for, such as "code:<id>"
    purpose = models.CharField(max_length=40)
    country_code = models.CharField(max_length=3)  # without the plus
    number_end = models.CharField(max_length=3)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.SENDING)
    backend = models.CharField(max_length=40)
    service_id = models.CharField(max_length=100, blank=True)  # the service's own id of the message
    failure_code = models.CharField(max_length=60, blank=True)
    cost = models.DecimalField(max_digits=12, decimal_places=4, null=True)  # in ``currency``, as the service told it
    currency = models.CharField(max_length=3, blank=True)

    class Meta:
        indexes = [models.Index(fields=["-created_at"], name="sms_newest")]

    def __str__(self) -> str:
        return f"{self.purpose} …{self.number_end}"
