"""Log-ins by cookie, so that they can be seen and ended one by one."""

from django.conf import settings
from django.db import models

from ecommerce.models import BaseModel


class BrowserSession(BaseModel):
    """Whose a session of Django's is, which its own table cannot tell. It lives as long as that one does."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="browser_sessions")
    session_key = models.CharField(max_length=40, unique=True)
    session_epoch = models.PositiveIntegerField()
    user_agent = models.CharField(max_length=200, blank=True)
    ip_address = models.GenericIPAddressField(null=True)

    def __str__(self) -> str:
        return str(self.pk)
