"""The admin for staff who must set up a second factor first: every page of it leads there."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.models import User
from accounts.second_factor.gate import lacks_factor

_OPEN = {"login", "logout", "jsi18n"}


class StaffSecondFactorMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        match = request.resolver_match
        if not settings.STAFF_SECOND_FACTOR_REQUIRED or match is None or "admin" not in match.app_names:
            return None
        if match.url_name in _OPEN or not isinstance(request.user, User) or not lacks_factor(request.user):
            return None
        return HttpResponseRedirect(reverse("admin-second-factor"))
