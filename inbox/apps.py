from django.apps import AppConfig


class InboxConfig(AppConfig):
    name = "inbox"

    def ready(self) -> None:
        from ecommerce import events
        from inbox import privacy
        from inbox.notifications import making
        from inbox.webhooks import subscribing

        events.subscribe("webhooks", subscribing.owe_deliveries)
        events.subscribe("notifications", making.notify)
        privacy.register()
