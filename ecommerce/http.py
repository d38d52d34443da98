"""Small things that every app's views share."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.serializers import Serializer

IDEMPOTENCY_HEADER = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    description="Any text of yours, 1 to 255 printable ASCII characters. The same key does it once and answers twice.",
)


def checked(serializer_class: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """Return the request's body as ``serializer_class`` understands it.

    Raises:
        ValidationError: with one row for each field that is wrong.
    """
    form = serializer_class(data=request.data)
    form.is_valid(raise_exception=True)
    data: dict[str, Any] = form.validated_data
    return data
