from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"

    def ready(self) -> None:
        from catalog.reviews import eligibility
        from orders import selectors

        eligibility.rules.append(selectors.delivered_item)
