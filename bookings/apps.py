from django.apps import AppConfig


class BookingsConfig(AppConfig):
    name = "bookings"

    def ready(self) -> None:
        from bookings import checks, privacy
        from ecommerce import invariants

        invariants.register("bookings", checks.CHECKS)
        privacy.register()
