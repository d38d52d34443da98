from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog"

    def ready(self) -> None:
        from accounts.people.facts import facts
        from accounts.sellers.hooks import standing_changed
        from catalog import checks, ltree, privacy  # noqa: F401 - ltree registers the look-ups
        from catalog.history import selectors as history
        from catalog.reviews.selectors import counts_of
        from catalog.sellers.services import follow_standing
        from ecommerce import invariants

        invariants.register("catalogue", checks.CHECKS)
        privacy.register()
        history.register()
        facts["reviews"] = counts_of
        standing_changed.append(follow_standing)
