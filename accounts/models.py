"""People and their ways in."""

import re
import unicodedata
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Concat, Lower, Upper
from django.utils import timezone
from django.utils.crypto import salted_hmac

from ecommerce.models import BaseModel


def called() -> Concat:
    """All that somebody is called, as one text: words are sought in it, and one index is enough."""
    words = ("email", Value(" "), "username", Value(" "), "first_name", Value(" "), "last_name")
    return Concat(*words, output_field=models.TextField())


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=normalise_email(username or ""))

    def create_user(self, email: str | None, password: str | None = None, **fields: Any) -> "User":
        """Create a customer. ``email`` may be None for somebody known by phone alone."""
        user = User(email=normalise_email(email) if email else None, **fields)
        if not user.username:
            user.username = username_for(user)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        fields |= {"is_staff": True, "is_superuser": True, "role": User.Role.ADMIN}
        return self.create_user(email, password, **fields)


class User(AbstractBaseUser, PermissionsMixin, BaseModel):
    """A customer, seller or member of staff. The e-mail is the log-in; a phone account may have none."""

    class Role(models.TextChoices):
        CUSTOMER = "customer"
        SELLER = "seller"
        ADMIN = "admin"

    username = models.CharField(max_length=150, unique=True)
    email = models.EmailField(null=True, blank=True, unique=True)  # kept in normal form, see normalise_email
    first_name = models.CharField(max_length=150, blank=True)
    last_name = models.CharField(max_length=150, blank=True)
    phone_number = models.CharField(max_length=16, blank=True, db_index=True)  # E.164
    phone_verified_at = models.DateTimeField(null=True, blank=True)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.CUSTOMER)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    email_verified_at = models.DateTimeField(null=True, blank=True)
    date_joined = models.DateTimeField(default=timezone.now)
    # In every token; raising it ends them all at once.
    session_epoch = models.PositiveIntegerField(default=0)
    # Since when a log-in asks for a code too; here, because every request of staff wants to know (second_factor/).
    second_factor_at = models.DateTimeField(null=True, blank=True, editable=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(email__isnull=True) | Q(email=Lower("email")), name="user_email_in_lower_case"
            ),
            models.UniqueConstraint(
                fields=["phone_number"],
                condition=Q(phone_verified_at__isnull=False),
                name="user_verified_phone_once",
            ),
            models.UniqueConstraint(Lower("username"), name="user_username_once_in_any_case"),
        ]
        indexes = [
            # For staff who look for people by words (people/selectors.py). Among 200,000 a name that 1 in 20 has takes
            # 26 ms instead of 110, a name of one person 0.4 instead of 119; one or two letters still read them all.
            # It costs 19 MB beside a table of 42, and 0.07 ms more for each new account.
            GinIndex(OpClass(Upper(called()), name="gin_trgm_ops"), name="user_called_trigrams"),
        ]

    def __str__(self) -> str:
        return self.email or self.username

    def check_password(self, raw_password: str | None) -> bool:
        """Compare, and bring the hash up to date, unless the password has been changed meanwhile."""
        compared = self.password

        def upgrade(password: str) -> None:
            encoded = make_password(password)
            if User.objects.filter(pk=self.pk, password=compared).update(password=encoded):
                self.password = encoded

        return raw_password is not None and check_password(raw_password, compared, upgrade)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Tie Django's sessions to the epoch too: what ends every token ends them."""
        secret = settings.SECRET_KEY if secret is None else secret
        value = f"{self.password}:{self.session_epoch}"
        return salted_hmac("accounts.User.session", value, secret=secret, algorithm="sha256").hexdigest()

    @property
    def is_admin(self) -> bool:
        return self.is_superuser or self.role == self.Role.ADMIN

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def get_short_name(self) -> str:
        return self.first_name or self.username


class RefreshSession(BaseModel):
    """One refresh token. Used once; a second use after the grace ends its whole family."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="refresh_sessions")
    family = models.UUIDField(db_index=True)
    family_started_at = models.DateTimeField()
    session_epoch = models.PositiveIntegerField()
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)
    successor = models.OneToOneField("self", null=True, on_delete=models.SET_NULL, related_name="predecessor")
    revoked_at = models.DateTimeField(null=True)
    user_agent = models.CharField(max_length=200, blank=True)
    ip_address = models.GenericIPAddressField(null=True)

    class Meta:
        indexes = [
            # Every request with an access token asks whether its family has ended.
            models.Index(fields=["family"], condition=Q(revoked_at__isnull=False), name="refresh_family_ended"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class EmailToken(BaseModel):
    """A single-use link sent by mail; only its SHA-256 is kept. Good while ``email`` is the address of the account."""

    class Purpose(models.TextChoices):
        VERIFY = "verify"
        RESET = "reset"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="email_tokens")
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    email = models.EmailField(default="")  # where it was sent
    token_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.purpose} {self.pk}"


def normalise_email(email: str) -> str:
    """Return the one form in which an address is stored and looked up.

    NFKC folds look-alikes that mean the same (full-width letters); lower case is what every mailbox in use ignores.
    """
    return unicodedata.normalize("NFKC", email).strip().lower()


def username_for(user: User) -> str:
    """Return a username for somebody who has chosen none."""
    # An address may hold what a username may not: accounts/names.py.
    local_part = re.sub(r"[^a-z0-9._-]+", "", (user.email or "user").split("@")[0].lower()).strip("._-")[:100]
    return f"{local_part or 'user'}-{user.pk.hex[-8:]}"


# Last, of the parts that stand by themselves.
from accounts.addresses.models import Address  # noqa: E402,F401
from accounts.api_keys.models import ApiKey  # noqa: E402,F401
from accounts.audit.models import SecurityEvent  # noqa: E402,F401
from accounts.emails.models import EmailChange  # noqa: E402,F401
from accounts.lockouts.models import TryCount  # noqa: E402,F401
from accounts.opaque_tokens.models import OpaqueToken  # noqa: E402,F401
from accounts.otp.models import OneTimeCode  # noqa: E402,F401
from accounts.privacy.models import Erasure  # noqa: E402,F401
from accounts.profiles.models import ConsentRecord, Profile  # noqa: E402,F401
from accounts.quotas.models import Quota  # noqa: E402,F401
from accounts.second_factor.models import LogInChallenge, RecoveryCode, SecondFactor  # noqa: E402,F401
from accounts.sellers.models import PayoutDestination, SellerProfile  # noqa: E402,F401
from accounts.sessions.models import BrowserSession  # noqa: E402,F401
from accounts.sms.models import SmsMessage  # noqa: E402,F401
from accounts.social.models import SocialIdentity, SpentToken  # noqa: E402,F401
