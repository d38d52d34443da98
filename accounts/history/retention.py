"""Forgetting what has been kept long enough."""

import pgtrigger
from django.conf import settings
from django.db.models.functions import Now

from accounts.history.events import KINDS
from ecommerce.retention import delete_in_batches


def forget_old_changes() -> int:
    """Delete changes older than ``HISTORY_RETENTION``; return how many went.

    The only place that lifts the trigger which keeps history as it is. What is newer stays whole: each change has what
    was before it, and what came after is told by the next one.
    """
    forgotten = 0
    for kind in KINDS.values():
        model = kind.model
        with pgtrigger.ignore(f"{model._meta.label}:append_only"):
            forgotten += delete_in_batches(model.objects.filter(pgh_created_at__lt=Now() - settings.HISTORY_RETENTION))
    return forgotten
