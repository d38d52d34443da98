"""Writing the trail."""

from typing import Any

from django.http import HttpRequest

from accounts.audit.models import SecurityEvent
from accounts.models import User
from ecommerce.client import client_address
from ecommerce.context import request_id


def record(
    kind: str,
    *,
    user: User | None = None,
    actor: User | None = None,
    request: HttpRequest | None = None,
    **details: Any,
) -> None:
    """Add an entry, in the transaction of what it tells of. ``details`` are codes and ids, never secrets or names."""
    SecurityEvent.objects.create(
        kind=kind,
        user=user,
        actor=actor or user,
        ip_address=client_address(request) or None if request is not None else None,
        user_agent=request.headers.get("User-Agent", "")[:200] if request is not None else "",
        request_id=request_id.get(),
        details=details,
    )
