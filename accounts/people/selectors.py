"""Reading people and the trail, by who looks."""

from django.db.models import Q, QuerySet

from accounts.audit.models import SecurityEvent
from accounts.models import User, called
from ecommerce.phone import InvalidPhoneNumber, normalise_phone

LOG_INS = 10  # that support is shown
_LOG_IN_KINDS = (SecurityEvent.Kind.LOGIN, SecurityEvent.Kind.LOGIN_FAILED)
_MOST_WORDS = 8


def people_visible_to(user: User) -> QuerySet[User]:
    """Everybody for administrators. For other staff customers and sellers: those with power are not theirs to see."""
    people = User.objects.all()
    return people if user.is_admin else people.filter(is_staff=False, is_superuser=False).exclude(role=User.Role.ADMIN)


def search_people(people: QuerySet[User], text: str) -> QuerySet[User]:
    """Find people by a phone number in any spelling, or by all words in e-mail, username or name."""
    try:
        return people.filter(phone_number=normalise_phone(text))
    except InvalidPhoneNumber:
        pass
    words = text.split()[:_MOST_WORDS]
    return people.alias(called=called()).filter(*(Q(called__icontains=word) for word in words))


def last_log_ins(user: User) -> list[SecurityEvent]:
    """Return who came in lately, and who tried, newest first."""
    return list(
        SecurityEvent.objects.filter(user=user, kind__in=_LOG_IN_KINDS).order_by("-created_at", "-id")[:LOG_INS]
    )


def trail() -> QuerySet[SecurityEvent]:
    """The whole trail with those it names, in one statement; newest first."""
    names = ("username", "email")
    own = [field.name for field in SecurityEvent._meta.concrete_fields]
    shown = [f"{person}__{name}" for person in ("user", "actor") for name in names]
    return SecurityEvent.objects.select_related("user", "actor").only(*own, *shown).order_by("-created_at", "-id")
