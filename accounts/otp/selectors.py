"""Whose phone is this?"""

from accounts.models import User


def account_of_phone(phone_number: str) -> User | None:
    """Return the account that has confirmed a number. One that only wrote it into its profile has no part in it."""
    return User.objects.filter(phone_number=phone_number, phone_verified_at__isnull=False).first()


def may_come_in_by_phone(user: User) -> bool:
    """Tell whether a text message is enough to become ``user``.

    Not for those who hold power over the shop: whoever talks a carrier out of a SIM card would hold it too.
    """
    return user.is_active and not (user.is_staff or user.is_superuser or user.role == User.Role.ADMIN)


def phone_may_come_in(phone_number: str) -> bool:
    user = account_of_phone(phone_number)
    return user is not None and may_come_in_by_phone(user)
