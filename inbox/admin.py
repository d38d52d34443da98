"""The admin of the inbox lives beside its tables."""

from inbox.notifications import admin as notifications  # noqa: F401
from inbox.webhooks import admin as webhooks  # noqa: F401
