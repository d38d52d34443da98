"""What became of text messages, for support: the number's end alone, and never a text."""

from django.contrib import admin

from accounts.sms.models import SmsMessage
from ecommerce.admin_base import ReadOnlyAdmin, badge, column

_LOOKS = {
    SmsMessage.Status.ACCEPTED: "success",
    SmsMessage.Status.REFUSED: "danger",
    SmsMessage.Status.UNKNOWN: "warning",
}


@admin.register(SmsMessage)
class SmsMessageAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "number", "purpose", "state", "failure_code", "price", "backend")
    list_filter = ("status", "purpose", "country_code", "created_at")
    search_fields = ("number_end", "service_id")
    search_help_text = "The number's last three digits, or the service's id of a message"
    ordering = ("-created_at",)
    fields = ("created_at", "number", "purpose", "state", "failure_code", "service_id", "price", "backend", "reference")
    readonly_fields = fields

    @column("To")
    def number(self, message: SmsMessage) -> str:
        return f"+{message.country_code} … {message.number_end}"

    @column("Status", ordering="status")
    def state(self, message: SmsMessage) -> str:
        return badge(message.get_status_display(), _LOOKS.get(SmsMessage.Status(message.status), "info"))

    @column("Cost", ordering="cost")
    def price(self, message: SmsMessage) -> str:
        return f"{message.currency} {message.cost}" if message.cost is not None else ""
