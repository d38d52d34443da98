from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog"

    def ready(self) -> None:
        from catalog import checks, ltree  # noqa: F401 - registers the look-ups
        from ecommerce import invariants

        invariants.register("catalogue", checks.CHECKS)
