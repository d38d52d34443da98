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


def language_of(user_id: UUID | None) -> str:
    """Return the code of the language in which somebody is written to; English, where they wish nothing."""
    wished = Profile.objects.filter(user=user_id).values_list("language", flat=True).first() if user_id else None
    return wished or Profile.Language.ENGLISH


def wants_parcel_mails(user_id: UUID | None) -> bool:
    """Tell whether somebody wants news of parcels; without an account, or a wish, they do."""
    return user_id is None or not Profile.objects.filter(user=user_id, parcel_mails=False).exists()
