"""What accounts hold about people, and the tables that no app of the shop owns."""

from collections.abc import Iterable, Iterator
from typing import Any

import pgtrigger
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q

from accounts.audit.contacts import forget_contacts
from accounts.audit.models import SecurityEvent
from accounts.models import User
from accounts.otp.models import OneTimeCode
from accounts.privacy import registry
from accounts.privacy.generic import erase_tables, export_tables, scrub
from accounts.privacy.identity import Identity
from accounts.privacy.registry import Section
from accounts.privacy.tables import Fate, Table, declare
from accounts.profiles.avatars import owe_removal
from accounts.profiles.models import Profile
from ecommerce.models import IdempotencyKey, OutboxMessage

TABLES = (
    Table(
        "accounts.User",
        owner="pk",
        fate=Fate.OWN_RULE,
        erased="username email first_name last_name phone_number",
        hidden="password",
    ),
    Table("accounts.User_groups", owner="user", fate=Fate.DELETED),
    Table("accounts.User_user_permissions", owner="user", fate=Fate.DELETED),
    Table("accounts.RefreshSession", owner="user", fate=Fate.DELETED, erased="user_agent ip_address"),
    Table("accounts.EmailToken", owner="user", fate=Fate.DELETED, erased="email", hidden="token_hash"),
    Table(
        "accounts.EmailChange",
        owner="user",
        fate=Fate.DELETED,
        erased="new_email old_email",
        hidden="token_hash",
    ),
    Table("accounts.OneTimeCode", owner="user", fate=Fate.DELETED, erased="phone_number email", hidden="code_hash"),
    Table("accounts.Quota", plain="scope", hidden="identity"),
    Table("accounts.TryCount", hidden="key"),
    Table("accounts.SecondFactor", owner="user", fate=Fate.DELETED, hidden="sealed_secret"),
    Table("accounts.RecoveryCode", owner="factor__user", fate=Fate.DELETED, hidden="code_hash"),
    Table("accounts.LogInChallenge", owner="user", fate=Fate.DELETED, plain="by", hidden="token_hash"),
    Table("accounts.SocialIdentity", owner="user", fate=Fate.DELETED, erased="email subject", plain="issuer"),
    Table("accounts.SpentToken", hidden="token_hash"),
    Table(
        "accounts.BrowserSession",
        owner="user",
        fate=Fate.DELETED,
        erased="ip_address user_agent",
        hidden="session_key",
    ),
    Table(
        "accounts.OpaqueToken",
        owner="user",
        fate=Fate.DELETED,
        erased="name ip_address user_agent",
        hidden="token_hash",
    ),
    Table("accounts.ApiKey", owner="user", fate=Fate.DELETED, erased="name", plain="prefix scopes", hidden="key_hash"),
    Table(
        "accounts.SmsMessage",
        plain="backend country_code currency failure_code number_end purpose reference service_id",
    ),
    Table(
        "accounts.Address",
        owner="user",
        fate=Fate.DELETED,
        erased=(
            "label recipient phone_number county sub_county town estate landmark line1 line2 rider_note country "
            "postal_code"
        ),
    ),
    Table(
        "accounts.Profile",
        owner="user",
        fate=Fate.DELETED,
        erased="avatar avatar_upload",
        plain="currency avatar_failure",
    ),
    # Nobody is erased who still has products, open orders or money here; the books name the user alone.
    Table(
        "accounts.SellerProfile",
        owner="user",
        fate=Fate.DELETED,
        erased="display_name url_key about county contact_email contact_phone reason",
    ),
    Table(
        "accounts.PayoutDestination",
        owner="user",
        fate=Fate.DELETED,
        erased="phone_number bank_code account_number account_name",
    ),
    # That somebody consented must be provable after they have gone; it names nobody.
    Table("accounts.ConsentRecord", owner="user", plain="text_version"),
    Table(
        "accounts.SecurityEvent",
        owner="user",
        fate=Fate.OWN_RULE,
        erased="ip_address user_agent",
        plain="kind request_id details",  # details are codes and ids; the others are ``audit.contacts``
    ),
    Table("accounts.Erasure", owner="user", plain="pseudonym"),
    # --- Django's and the platform's
    Table("admin.LogEntry", fate=Fate.OWN_RULE, erased="object_repr change_message", plain="object_id"),
    Table("auth.Permission", plain="name codename"),
    Table("auth.Group", plain="name"),
    Table("contenttypes.ContentType", plain="app_label model"),
    Table("sessions.Session", hidden="session_key session_data"),
    Table("pghistory.Context", plain="metadata"),  # ids, and by which door
    Table(
        "ecommerce.IdempotencyKey",
        fate=Fate.OWN_RULE,
        erased="body",
        plain="owner operation key",
        hidden="fingerprint",
    ),
    Table(
        "ecommerce.OutboxMessage",
        fate=Fate.OWN_RULE,
        erased="payload last_error dedupe_key",
        plain="topic request_id",
    ),
    Table("ecommerce.Event", plain="kind data last_error"),  # ids, codes and amounts; gone after a month
    Table("ecommerce.Heartbeat", plain="name"),
    Table("ecommerce.RequestCount", hidden="key"),
)


def register() -> None:
    """Let the registry know of it. Called when the app starts, before those above it."""
    declare(*TABLES)
    registry.register("accounts", export, erase)


def export(user: User) -> Iterator[Section]:
    """Yield the rows by the tables; from where and with what staff looked is theirs, and not told."""
    for name, rows in export_tables("accounts")(user):
        yield name, _without_others(rows, user) if name == SecurityEvent._meta.label else rows


def _without_others(rows: Iterable[dict[str, Any]], user: User) -> Iterator[dict[str, Any]]:
    others = set(SecurityEvent.objects.filter(user=user).exclude(actor=user).values_list("pk", flat=True))
    for row in rows:
        yield row | {"ip_address": None, "user_agent": ""} if row["id"] in others else row


def erase(identity: Identity) -> None:
    """Let go of pictures, stored answers, done work and what the admin's log calls somebody; then by the tables."""
    for profile in Profile.objects.filter(user=identity.user_id):
        owe_removal([profile.avatar, profile.avatar_upload])
    IdempotencyKey.objects.filter(owner=f"user:{identity.user_id}").delete()
    by_others = Q(actor__isnull=False) & ~Q(actor=identity.user_id)  # who looked must stay provable
    with pgtrigger.ignore(f"{SecurityEvent._meta.label}:append_only"):
        SecurityEvent.objects.filter(~by_others, user=identity.user_id).update(ip_address=None, user_agent="")
    if identity.phone_number:  # a code to log in by is a number's, not yet a user's
        OneTimeCode.objects.filter(phone_number=identity.phone_number).delete()
    forget_contacts(identity)
    _erase_log(identity)
    _erase_outbox(identity)
    erase_tables("accounts", identity)


def _erase_log(identity: Identity) -> None:
    user_type = ContentType.objects.get_for_model(User)
    of_user = Q(content_type=user_type, object_id=str(identity.user_id))
    named = Q(*(Q(object_repr__icontains=needle) for needle in identity.needles), _connector=Q.OR)
    scrub(LogEntry.objects.filter(of_user | named), ["object_repr", "change_message"], identity)


def _erase_outbox(identity: Identity) -> None:
    """Delete done work that names somebody; work that is still owed ends by itself, and only its errors are cleaned."""
    named = Q(
        *(
            Q(**{f"{column}__icontains": needle})
            for column in ("payload", "last_error", "dedupe_key")
            for needle in identity.needles
        ),
        _connector=Q.OR,
    )
    messages = OutboxMessage.objects.filter(named)
    messages.filter(Q(done_at__isnull=False) | Q(dead_at__isnull=False)).delete()
    scrub(messages, ["last_error"], identity)
