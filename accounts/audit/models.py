"""The trail of what happened to accounts: who came in, who was refused, who changed whose rights."""

from django.conf import settings
from django.db import models
from pgtrigger import ReadOnly

from ecommerce.models import BaseModel


class SecurityEvent(BaseModel):
    """One entry of the trail. Never changed; deleted only when its time is over.

    ``user`` is whose account it is about, ``actor`` who did it (empty: the user, or nobody known). ``details`` holds
    codes and ids only: no password, token, address or full number, but for what ``contacts`` keeps.
    """

    class Kind(models.TextChoices):
        LOGIN = "login"
        LOGIN_FAILED = "login_failed"
        LOGOUT = "logout"
        LOGOUT_EVERYWHERE = "logout_everywhere"
        REFRESH_REUSED = "refresh_reused"
        TOKEN_ISSUED = "token_issued"  # noqa: S105
        TOKEN_REVOKED = "token_revoked"  # noqa: S105
        API_KEY_MADE = "api_key_made"
        API_KEY_ENDED = "api_key_ended"
        ROLES_CHANGED = "roles_changed"
        GROUP_CHANGED = "group_changed"
        DEACTIVATED = "deactivated"
        ACTIVATED = "activated"
        SESSION_ENDED = "session_ended"
        OTHER_SESSIONS_ENDED = "other_sessions_ended"
        SIGNED_UP = "signed_up"
        PHONE_CONFIRMED = "phone_confirmed"
        PHONE_CHANGED = "phone_changed"
        EMAIL_CHANGED = "email_changed"
        PASSWORD_RESET = "password_reset"  # noqa: S105 - a kind
        PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a kind
        ORDERS_EXPORTED = "orders_exported"
        LOCKED_OUT = "locked_out"
        ADMIN_CREATED = "admin_created"
        SECOND_FACTOR_ADDED = "second_factor_added"
        SECOND_FACTOR_REMOVED = "second_factor_removed"
        SECOND_FACTOR_FAILED = "second_factor_failed"
        RECOVERY_CODE_USED = "recovery_code_used"
        RECOVERY_CODES_RENEWED = "recovery_codes_renewed"
        IDENTITY_LINKED = "identity_linked"
        IDENTITY_UNLINKED = "identity_unlinked"
        PROFILE_CHANGED = "profile_changed"
        CONSENT_CHANGED = "consent_changed"
        DATA_EXPORTED = "data_exported"
        PROOF_REFUSED = "proof_refused"
        ERASURE_ASKED = "erasure_asked"
        ERASED = "erased"
        PERSON_SEEN = "person_seen"
        PEOPLE_LISTED = "people_listed"
        SELLER_APPLIED = "seller_applied"
        SELLER_APPROVED = "seller_approved"
        SELLER_REJECTED = "seller_rejected"
        SELLER_SUSPENDED = "seller_suspended"
        SELLER_REINSTATED = "seller_reinstated"
        SELLER_PAYOUT_CHANGED = "seller_payout_changed"
        WEBHOOK_CREATED = "webhook_created"
        WEBHOOK_CHANGED = "webhook_changed"
        WEBHOOK_DELETED = "webhook_deleted"
        WEBHOOK_SECRET_ROTATED = "webhook_secret_rotated"  # noqa: S105 - a kind
        WEBHOOK_REPLAYED = "webhook_replayed"

    kind = models.CharField(max_length=40)  # free of choices in the database: each topic brings its own kinds
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="security_events"
    )
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    ip_address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=200, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="security_event_newest"),
            models.Index(fields=["user", "-created_at"], name="security_event_of_user"),
        ]
        # A deleted account leaves its entries without one; nothing else of them changes.
        triggers = [ReadOnly(name="append_only", exclude=["user", "actor"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
