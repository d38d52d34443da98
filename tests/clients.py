"""HTTP clients for tests."""

from rest_framework.test import APIClient

from accounts.models import User
from accounts.tokens import start_session


def client_for(user: User | None) -> APIClient:
    """Return a client that is signed in as ``user`` by a real access token, or as nobody."""
    client = APIClient(raise_request_exception=False)
    if user is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {start_session(user).access}")
    return client
