"""Log-in by e-mail or username."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.hashing.pool import pool
from accounts.lockouts import services as lockouts
from accounts.lockouts.exceptions import LockedOut
from accounts.models import User, normalise_email
from accounts.validators import MAXIMUM_LENGTH
from ecommerce.exceptions import Busy


class EmailOrUsernameBackend(ModelBackend):
    """Find the user by e-mail, else by username; the API and the admin both come here.

    An unknown name is counted and costs a hash too, so that time tells nothing. Who must wait gets no hash at all. For
    whom there is no place (``TooManyLogIns``) nothing is read or counted.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        name = username or kwargs.get("email")
        # No password is longer, see MaximumLengthValidator; hashing a megabyte for a stranger is work we refuse.
        if not name or password is None or len(password) > MAXIMUM_LENGTH:
            return None
        with pool.place():
            try:
                attempt = lockouts.check(lockouts.LOGIN, normalise_email(name), request=request)
            except LockedOut:
                return None
            try:
                user = self._compared(name, password)
            except Busy:  # nothing was compared
                lockouts.given_up(attempt)
                raise
            if user is None:
                lockouts.failed(attempt)
            else:
                lockouts.succeeded(attempt)
            return user

    def _compared(self, name: str, password: str) -> User | None:
        lookup = {"email": normalise_email(name)} if "@" in name else {"username": name}
        user = User.objects.filter(**lookup).first()
        if user is None:
            User().set_password(password)
            return None
        return user if user.check_password(password) and self.user_can_authenticate(user) else None
