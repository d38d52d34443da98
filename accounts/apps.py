from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import schema  # noqa: F401 - registers the authentication schemes
        from accounts.sessions import signals  # noqa: F401 - notes log-ins by cookie
