"""The trail in the admin. Nobody can write it."""

from django.contrib import admin
from django.http import HttpRequest

from accounts.audit.models import SecurityEvent
from accounts.models import User
from ecommerce.admin_base import EMPTY, ReadOnlyAdmin, Table, column, link_to, may, table, when

SHOWN = 20  # entries on a user's page


def trail_of(request: HttpRequest, user: User) -> list[Table]:
    """Return the table of what happened lately to somebody's account, for those who may see the trail."""
    if not may(request, "view", SecurityEvent):
        return []
    events = SecurityEvent.objects.filter(user=user).select_related("actor").order_by("-created_at", "-id")[:SHOWN]
    rows = [
        (when(event.created_at), event.kind, str(event.actor or EMPTY), event.ip_address or EMPTY, event.user_agent)
        for event in events
    ]
    return [table(f"The last {SHOWN} entries of the trail", ("Time", "What", "Who", "From", "With"), rows)]


@admin.register(SecurityEvent)
class SecurityEventAdmin(ReadOnlyAdmin):
    """Everything that happened to accounts, newest first."""

    list_display = ("created_at", "kind", "whose", "who", "ip_address", "user_agent")
    list_filter = ("kind", "created_at")
    list_select_related = ("user", "actor")
    search_fields = ("=user__email", "=actor__email", "=ip_address", "=request_id")
    search_help_text = "The whole e-mail address, IP address or request id"
    ordering = ("-created_at", "-id")
    fields = (("created_at", "kind"), ("whose", "who"), ("ip_address", "user_agent"), "request_id", "details")

    @column("Whose")
    def whose(self, event: SecurityEvent) -> str:
        return link_to(event.user) if event.user else EMPTY

    @column("Who")
    def who(self, event: SecurityEvent) -> str:
        return link_to(event.actor) if event.actor else EMPTY
