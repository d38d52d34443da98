"""The pages that show the API's documentation."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerView
from rest_framework.request import Request
from rest_framework.views import APIView


class PageOptions(APIView):
    """Answer OPTIONS with what a page takes: its template has no place for what DRF tells of a view."""

    def options(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        return HttpResponse(status=204, headers={"Allow": ", ".join(self.allowed_methods)})


class SwaggerView(PageOptions, SpectacularSwaggerView):
    """Swagger's page."""


class RedocView(PageOptions, SpectacularRedocView):
    """Redoc's page."""
