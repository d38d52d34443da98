"""Who asks: one client for each column of the matrix."""

from datetime import timedelta

from django.contrib.auth.models import Group
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.api_keys import services as keys
from accounts.api_keys.models import ApiKey
from accounts.models import User
from accounts.roles.definitions import StaffRole
from tests.clients import client_for
from tests.factories import UserFactory

# In the order of the columns. ``owner`` is the customer whose things the paths name, ``other`` another customer;
# ``key`` is a key of the admin without any scope.
PEOPLE = ("anonymous", "owner", "other", "seller", *StaffRole.values, "key")


def make_people() -> dict[str, User]:
    people = {
        "owner": UserFactory(email="owner@example.com"),
        "other": UserFactory(email="other@example.com"),
        "seller": UserFactory(email="seller@example.com", role=User.Role.SELLER),
    }
    for role in StaffRole:
        column = User.Role.ADMIN if role == StaffRole.ADMIN else User.Role.CUSTOMER
        people[role.value] = UserFactory(email=f"{role.value}@example.com", is_staff=True, role=column)
        people[role.value].groups.add(Group.objects.get(name=role.label))
    return people


def make_clients(people: dict[str, User]) -> dict[str, APIClient]:
    clients = {name: client_for(people.get(name)) for name in PEOPLE if name != "key"}
    clients["key"] = key_client(people["admin"])
    return clients


def key_client(owner: User, *scopes: str) -> APIClient:
    """Return a client with a key of ``owner`` for these scopes; over HTTP nobody makes one without any."""
    text = f"bm_0123abcd_{len(scopes):040x}"
    ApiKey.objects.create(
        user=owner,
        name="Integration",
        prefix=text[:11],
        key_hash=keys.hashed(text),
        scopes=list(scopes),
        expires_at=timezone.now() + timedelta(days=1),
    )
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_X_API_KEY=text)
    return client
