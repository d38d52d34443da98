"""Log-in by e-mail, username or confirmed phone number."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.db.models import Q
from django.http import HttpRequest

from accounts.hashing.pool import pool
from accounts.lockouts import log_ins
from accounts.lockouts.exceptions import LockedOut
from accounts.models import User, normalise_email
from accounts.names import log_in_name, phone_of
from accounts.validators import MAXIMUM_LENGTH
from ecommerce.exceptions import Busy


class EmailOrUsernameBackend(ModelBackend):
    """Find the user by e-mail, else by confirmed phone number or username; the API and the admin both come here.

    The class keeps its name: it stands in every open session.
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
                user, attempt = log_ins.begin(log_in_name(name), lambda: _named(name), request=request)
            except LockedOut:
                return None
            try:
                user = self._compared(user if attempt.may_succeed else None, password)
            except Busy:  # nothing was compared
                attempt.given_up()
                raise
            if user is None:
                attempt.failed()
            else:
                attempt.succeeded()
            return user

    def _compared(self, user: User | None, password: str) -> User | None:
        if user is None:
            User().set_password(password)
            return None
        return user if user.check_password(password) and self.user_can_authenticate(user) else None


def _named(name: str) -> User | None:
    """Return who is meant, in one statement whatever it is.

    A number counts where it was confirmed: anybody may have written it into a profile. Its owner comes before somebody
    whose username looks like it.
    """
    if "@" in name:
        return User.objects.filter(email=normalise_email(name)).first()
    if not (phone := phone_of(name)):
        return User.objects.filter(username=name).first()
    confirmed = Q(phone_number=phone, phone_verified_at__isnull=False)
    meant = list(User.objects.filter(confirmed | Q(username=name)))
    owners = [user for user in meant if user.phone_number == phone and user.phone_verified_at is not None]
    return next(iter(owners or meant), None)
