"""Keys in the admin: superusers see everybody's, and end them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase

from accounts.api_keys.models import ApiKey
from accounts.api_keys.services import end_key
from accounts.models import User
from ecommerce.admin_base import ReadOnlyAdmin, column, detail_action


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("prefix", "name", "user", "scopes_listed", "last_used_at", "expires_at", "revoked_at")
    list_filter = ("revoked_at",)
    list_select_related = ("user",)
    search_fields = ("prefix", "name", "user__email")
    fields = ("prefix", "name", "user", "scopes_listed", "created_at", "last_used_at", "expires_at", "revoked_at")
    readonly_fields = fields
    ordering = ("-created_at",)
    actions_detail = ("end",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_act_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request)

    def offers(self, name: str, obj: ApiKey) -> bool:
        return obj.revoked_at is None

    @detail_action("End this key", icon="key_off", danger=True)
    def end(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(key: ApiKey, _: dict[str, Any]) -> str:
            if isinstance(request.user, User):
                end_key(key, actor=request.user, request=request)
            return "The key has ended."

        return self.confirmed(
            request, object_id, do, title="End this key", question="What uses it is shut out at once.", danger=True
        )

    @column("Scopes")
    def scopes_listed(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)
