"""Request ids, and JSON answers where Django would send a page."""

import logging
import re
import time
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils import timezone

from ecommerce.context import request_id
from ecommerce.exceptions import Busy, error_body, translate_database_error
from ecommerce.models import new_id

logger = logging.getLogger("ecommerce.requests")

_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_QUIET_PATHS = ("/healthz", "/readyz", "/static/")

Handler = Callable[[HttpRequest], HttpResponse]


class RequestIdMiddleware:
    """Give each request an id (a well-formed ``X-Request-Id`` is kept), return it, and write one log line."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        offered = request.headers.get("X-Request-Id", "")
        current = offered if _ACCEPTABLE_ID.fullmatch(offered) else new_id().hex
        token = request_id.set(current)
        started = time.perf_counter()
        try:
            response = self.get_response(request)
            response["X-Request-Id"] = current
            if not request.path.startswith(_QUIET_PATHS):
                match = request.resolver_match
                # The route, not the path: paths hold callback secrets and ids of people.
                extra = {
                    "method": request.method,
                    "route": match.route if match else "unmatched",
                    "status": response.status_code,
                    "milliseconds": round((time.perf_counter() - started) * 1000, 1),
                }
                logger.info("request", extra=extra)
            return response
        finally:
            request_id.reset(token)


class JsonErrorMiddleware:
    """Turn failures outside the API views into the one error shape, and refuse plain http on API paths."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            request.get_host()
        except DisallowedHost:
            return JsonResponse(error_body("invalid_host", "This host is not served here."), status=400)
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return JsonResponse(error_body("invalid_path", "The address holds a NUL character."), status=400)
        if any("\x00" in value for value in request.COOKIES.values()):  # written as an escape; no session has one
            return JsonResponse(error_body("invalid_cookie", "A cookie holds a NUL character."), status=400)
        if settings.PRODUCTION and request.path.startswith("/api/") and not request.is_secure():
            # A redirect would hide that the client has already sent its token in the clear.
            return JsonResponse(error_body("https_required", "Use https."), status=403)
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            body = error_body("method_not_allowed", "This method is not allowed here.")
            response = JsonResponse(body, status=405, headers={"Allow": response["Allow"]})
        if request.path.startswith("/api/") and "Cache-Control" not in response:
            response["Cache-Control"] = "no-store"
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        answer = (
            translate_database_error(exception) if isinstance(exception, DatabaseError | InterfaceError) else exception
        )
        if isinstance(answer, Busy):
            body = error_body("temporarily_unavailable", str(answer.detail), server=True)
            return JsonResponse(body, status=503, headers={"Retry-After": str(answer.wait)})
        return None


class AdminTimeZoneMiddleware:
    """Show staff the time on their own clock; everything else speaks UTC."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/admin/"):
            return self.get_response(request)
        with timezone.override(settings.ADMIN_TIME_ZONE):
            return self.get_response(request)
