"""Health, and JSON answers for what Django would answer with a page."""

from pathlib import PurePosixPath

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.static import serve

from ecommerce.exceptions import error_body
from ecommerce.health import check_parts

# Not from the machine's own list of types, which may lack the newer ones.
_PICTURES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer as long as the process lives, whatever else is away."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Name each part and whether it answers; 503 when one does not."""
    parts = check_parts()
    ready = all(parts.values())
    body = {"status": "ok" if ready else "unavailable", "parts": parts}
    return JsonResponse(body, status=200 if ready else 503)


@require_safe
def media(request: HttpRequest, path: str) -> HttpResponseBase:
    """Serve an uploaded picture as nginx does in production: nothing but pictures, and never as a page."""
    kind = _PICTURES.get(PurePosixPath(path).suffix)
    if kind is None:
        raise Http404
    response = serve(request, path, document_root=str(settings.MEDIA_ROOT))
    response["Content-Type"] = kind
    response["Content-Disposition"] = "attachment"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return JsonResponse(error_body("not_found", "There is nothing at this address."), status=404)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        body = error_body("payload_too_large", "The request body is larger than this address takes.")
        return JsonResponse(body, status=413)
    return JsonResponse(error_body("bad_request", "The request is malformed."), status=400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return JsonResponse(error_body("permission_denied", "You may not do this."), status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return JsonResponse(error_body("csrf_failed", "The CSRF token is missing or wrong."), status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    connection.close_if_unusable_or_obsolete()
    body = error_body("error", "Something went wrong on our side. Quote the X-Request-Id.", server=True)
    return JsonResponse(body, status=500)
