"""Small things that every app's views share."""

import hashlib
from typing import Any

from django.http import HttpResponseNotModified
from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from ecommerce.forms import shared

IDEMPOTENCY_HEADER = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    description="Any text of yours, 1 to 255 printable ASCII characters. The same key does it once and answers twice.",
)
REQUIRED_IDEMPOTENCY_HEADER = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    required=True,
    description="Any text of yours, 1 to 255 printable ASCII characters: money moves here, and must not move twice.",
)
IF_NONE_MATCH_HEADER = OpenApiParameter(
    "If-None-Match",
    location=OpenApiParameter.HEADER,
    description="The `ETag` of the answer you have. While nothing has changed, the answer is an empty 304.",
)


def checked(serializer_class: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """Return the request's body as ``serializer_class`` understands it.

    Raises:
        ValidationError: with one row for each field that is wrong.
    """
    data: dict[str, Any] = shared(serializer_class).run_validation(request.data)
    return data


def version_of(body: bytes) -> str:
    """Return what changes when, and only when, a rendered body does."""
    return hashlib.sha256(body).hexdigest()[:32]


class ConditionalMixin(APIView):
    """Answer a GET with a weak ``ETag`` of its body, and with an empty 304 when the client has that body already.

    The body is made all the same: what is saved is its way to the client, not the work.
    """

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        # A view may also return a plain Django response, which has no rendering to wait for.
        if isinstance(response, Response) and request.method in ("GET", "HEAD") and response.status_code == 200:
            known = request.headers.get("If-None-Match", "")
            response.add_post_render_callback(lambda rendered: _only_if_new(rendered, known))
        return response


def _only_if_new(response: Response, known: str) -> HttpResponseNotModified | None:
    """Set the ``ETag``, and return the 304 that replaces a response whose ``ETag`` is ``known``."""
    response["ETag"] = f'W/"{version_of(response.content)}"'
    tags = [tag.removeprefix("W/") for tag in parse_etags(known)]  # weak comparison. Source: RFC 9110, 13.1.2
    if "*" not in tags and response["ETag"].removeprefix("W/") not in tags:
        return None
    # Source: RFC 9110, 15.4.5; and what the client has left.
    kept = ("Cache-Control", "Content-Location", "ETag", "Expires", "Vary", "RateLimit", "RateLimit-Policy")
    unchanged = HttpResponseNotModified(headers={name: response[name] for name in kept if name in response})
    unchanged.cookies = response.cookies
    return unchanged
