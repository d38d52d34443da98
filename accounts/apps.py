from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import schema  # noqa: F401 - registers the authentication schemes
        from accounts.privacy import own
        from accounts.roles.groups import after_migration
        from accounts.sessions import signals  # noqa: F401 - notes log-ins by cookie

        post_migrate.connect(after_migration, dispatch_uid="keep_groups")
        own.register()
