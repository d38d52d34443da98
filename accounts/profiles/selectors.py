"""Reading profiles."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from accounts.profiles.models import ConsentRecord, Profile


def profile_of(user: User) -> Profile:
    """Return a user's profile, or what it would be: reading makes no row. ``user.profile`` is it from then on."""
    profile = Profile.objects.filter(user=user).first() or Profile()
    profile.user = user
    return profile


def consents_of(user: User) -> QuerySet[ConsentRecord]:
    """Everything a user ever consented to or withdrew, newest first."""
    return ConsentRecord.objects.filter(user=user)


def wants_parcel_mails(user_id: UUID | None) -> bool:
    """Tell whether somebody wants news of parcels; without an account, or a wish, they do."""
    return user_id is None or not Profile.objects.filter(user=user_id, parcel_mails=False).exists()
