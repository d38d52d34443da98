"""Changing profiles and consents."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from rest_framework.exceptions import ErrorDetail, ValidationError

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.models import User
from accounts.profiles.consent_texts import CURRENT
from accounts.profiles.exceptions import ConsentTextChanged
from accounts.profiles.models import ConsentRecord, Profile

OF_THE_USER = ("first_name", "last_name", "phone_number")
OF_THE_PROFILE = ("language", "currency", "parcel_mails")


@transaction.atomic
def change_profile(user: User, *, told: Mapping[str, Any], request: HttpRequest) -> None:
    """Change what is told. Another phone number has not been shown to be theirs, so it is not verified.

    Raises:
        ValidationError: the number is the only way in.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    is_log_in = user.email is None and user.phone_verified_at is not None
    of_user = _changed(user, told, OF_THE_USER)
    if "phone_number" in of_user and is_log_in:
        message = "This number is your log-in. Confirm another one at /api/users/phone/, or add an e-mail first."
        raise ValidationError({"phone_number": [ErrorDetail(message, "phone_is_the_login")]})
    if "phone_number" in of_user and user.phone_verified_at is not None:
        user.phone_verified_at = None
        of_user.append("phone_verified_at")
    if of_user:
        user.save(update_fields=[*of_user, "updated_at"])
    of_profile: list[str] = []
    if any(name in told for name in OF_THE_PROFILE):
        profile = locked_profile(user)
        of_profile = _changed(profile, told, OF_THE_PROFILE)
        if of_profile:
            profile.save(update_fields=[*of_profile, "updated_at"])
    if fields := sorted(of_user + of_profile):
        record(SecurityEvent.Kind.PROFILE_CHANGED, user=user, request=request, fields=fields)


@transaction.atomic
def set_consents(user: User, *, wishes: Mapping[str, bool], text_version: str, request: HttpRequest) -> None:
    """Grant or withdraw consent, each purpose by itself. What is as it was leaves no record.

    Raises:
        ConsentTextChanged: consent to words that do not hold any more. Withdrawing needs no words.
    """
    profile = locked_profile(user)
    changed = {purpose: is_granted for purpose, is_granted in wishes.items() if getattr(profile, purpose) != is_granted}
    if not changed:
        return
    if any(changed.values()) and text_version != CURRENT:
        raise ConsentTextChanged()
    for purpose, is_granted in changed.items():
        setattr(profile, purpose, is_granted)
        ConsentRecord.objects.create(user=user, purpose=purpose, is_granted=is_granted, text_version=CURRENT)
    profile.save(update_fields=[*changed, "updated_at"])
    record(SecurityEvent.Kind.CONSENT_CHANGED, user=user, request=request, consents=changed)


def locked_profile(user: User) -> Profile:
    """Return the profile, made if there is none, locked until the transaction ends."""
    Profile.objects.bulk_create([Profile(user=user)], ignore_conflicts=True)
    return Profile.objects.select_for_update(no_key=True).get(user=user)


def _changed(row: User | Profile, told: Mapping[str, Any], names: tuple[str, ...]) -> list[str]:
    """Put what is told into the row, and return the names of what is another now."""
    changed = [name for name in names if name in told and getattr(row, name) != told[name]]
    for name in changed:
        setattr(row, name, told[name])
    return changed
