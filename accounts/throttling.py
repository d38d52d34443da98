"""Limits of what belongs to logging in and is not the first step."""

from rest_framework.request import Request

from ecommerce.client import client_address
from ecommerce.throttling import RequestThrottle


class ProofThrottle(RequestThrottle):
    """As many as log-ins, counted apart from them: by user where somebody is signed in, else by address.

    Whoever shares an address with others shall not use up their log-ins by the second step of the own one.
    """

    def scope_and_identity(self, request: Request) -> tuple[str, str]:
        if request.user and request.user.is_authenticated:
            return "login", f"proof:{request.user.pk}"
        return "login", f"proof:{client_address(request)}"
