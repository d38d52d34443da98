"""Sellers for tests."""

from typing import Any

from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone

from accounts.models import User
from accounts.sellers import services
from accounts.sellers.models import SellerProfile
from tests.factories import UserFactory

Status = SellerProfile.Status
APPLICATION: dict[str, Any] = {
    "display_name": "Mama Njeri Electronics",
    "county": "nairobi city",
    "about": "Phones and chargers.",
    "contact_phone": "0712 345 678",
    "payout": {"method": "mpesa", "phone_number": "0712 345 678"},
}


def some_request() -> HttpRequest:
    return RequestFactory().post("/")


def applicant(**fields: Any) -> User:
    return UserFactory(**{"email_verified_at": timezone.now()} | fields)


def seller(name: str = "Mama Njeri Electronics", *, user: User | None = None, phone: str = "+254712345678") -> User:
    """Return an approved seller who is paid by M-Pesa."""
    user = user or applicant()
    services.apply_to_sell(
        user,
        told={"display_name": name, "county": "Nairobi"},
        payout={"method": "mpesa", "phone_number": phone},
        request=some_request(),
    )
    decide(user, Status.APPROVED)
    user.refresh_from_db()
    return user


def decide(user: User, target: SellerProfile.Status, *, actor: User | None = None) -> SellerProfile:
    actor = actor or UserFactory(is_staff=True, role=User.Role.ADMIN)
    return services.decide(user.pk, target, actor=actor, reason="A reason", request=some_request())
