"""Walking through the admin in tests."""

from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from tests.factories import UserFactory


def address(name: str, obj: Any = None) -> str:
    """Return the address of an admin page: ``orders_order_changelist``, or a page of one row."""
    return reverse(f"admin:{name}", args=[obj.pk] if obj is not None else [])


def member_of_staff(*permissions: str) -> User:
    """Make somebody who may enter the admin and has these permissions, such as ``orders.view_order``."""
    user = UserFactory(is_staff=True)
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def told(response: Any) -> list[str]:
    """Return the messages that a request has left for the next page."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def listed(response: Any) -> list[Any]:
    """Return the rows that a list page shows."""
    assert response.status_code == 200
    return list(response.context["cl"].result_list)


def offered(client: Client, page: str) -> list[str]:
    """Return the titles of the buttons on a row's page."""
    return [action["title"] for action in client.get(page).context["actions_detail"]]


def queries_of(client: Client, page: str) -> int:
    """Count the statements of a page, once everything that is kept between requests is warm."""
    client.get(page)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(page).status_code == 200
    return len(captured)


def statuses(client: Client, pages: list[str]) -> dict[str, int]:
    return {page: client.get(page).status_code for page in pages}
