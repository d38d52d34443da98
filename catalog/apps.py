from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog"

    def ready(self) -> None:
        from accounts.privacy import generic, registry
        from catalog import (
            ltree,  # noqa: F401 - registers the look-ups
            privacy,
        )

        privacy.declare_tables()
        registry.register("catalog", generic.export_tables("catalog"), privacy.erase, open_matters=privacy.open_matters)
