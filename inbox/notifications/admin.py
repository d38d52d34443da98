"""Notifications in the admin: what somebody was told, and whether they have seen it."""

from django.contrib import admin

from ecommerce.admin_base import ReadOnlyAdmin, badge, column
from inbox.notifications.models import Notification
from inbox.notifications.texts import text_of


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "user", "kind", "says", "state")
    list_filter = ("topic", "created_at")
    list_select_related = ("user",)
    search_fields = ("=user__email",)
    search_help_text = "The whole e-mail address"
    ordering = ("-id",)
    fields = (("created_at", "read_at"), "user", ("kind", "topic"), "object_id", "says", "data")

    @column("Says")
    def says(self, notification: Notification) -> str:
        return text_of(notification, "en")

    @column("State")
    def state(self, notification: Notification) -> str:
        return badge("Read", "success") if notification.read_at else badge("Unread", "info")
