"""Log-in by e-mail or username."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.models import User, normalise_email


class EmailOrUsernameBackend(ModelBackend):
    """Find the user by e-mail, else by username. An unknown name costs a hash too, so that time tells nothing."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        name = username or kwargs.get("email")
        if not name or password is None or len(password) > 4096:
            return None
        lookup = {"email": normalise_email(name)} if "@" in name else {"username": name}
        user = User.objects.filter(**lookup).first()
        if user is None:
            User().set_password(password)
            return None
        if user.check_password(password) and self.user_can_authenticate(user):
            return user
        return None
