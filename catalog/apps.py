from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog"

    def ready(self) -> None:
        from accounts.people.facts import facts
        from catalog import ltree, privacy  # noqa: F401 - ltree registers the look-ups
        from catalog.reviews.selectors import counts_of

        privacy.register()
        facts["reviews"] = counts_of
