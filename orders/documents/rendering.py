"""Answers that are a PDF, or JSON for those who ask for it."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

# Nothing that is personal stays in a cache, and no browser guesses what a file is.
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class PdfRenderer(BaseRenderer):
    """Hands on the bytes of a PDF; a refusal is JSON, whatever was asked for."""

    media_type = "application/pdf"
    format = "pdf"
    charset = None
    render_style = "binary"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        if isinstance(data, bytes):
            return data
        if renderer_context:
            renderer_context["response"]["Content-Type"] = "application/json"
        return bytes(JSONRenderer().render(data))


RENDERERS = (PdfRenderer, JSONRenderer)


def file_or_json(request: Request, *, name: str, as_pdf: Callable[[], bytes], as_json: Callable[[], Any]) -> Response:
    """Answer with the PDF, or with JSON for a client whose ``Accept`` prefers it."""
    if request.accepted_renderer.format != PdfRenderer.format:
        return Response(as_json(), headers=_HEADERS)
    safe = re.sub(r"[^A-Za-z0-9-]+", "-", name).strip("-") or "document"
    disposition = {"Content-Disposition": f'inline; filename="{safe}.pdf"'}
    return Response(as_pdf(), headers=_HEADERS | disposition)
