"""Who wants no reminders."""

from django.conf import settings
from django.db import models

from ecommerce.models import BaseModel


class CartReminderRefusal(BaseModel):
    """A customer who wants no mail about carts."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return str(self.user_id)
