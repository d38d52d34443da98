"""Answers that are finished bytes: their headers, and a 304 for who has them already."""

from collections.abc import Callable
from operator import itemgetter
from urllib.parse import parse_qsl
from uuid import UUID

from django.http import HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.http import http_date, parse_etags, parse_http_date_safe
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from catalog.currencies.views import DISPLAY_CURRENCY
from catalog.documents.conditions import COLLECTION
from catalog.documents.keeping import Answer, kept, unkept


def answer_kept(request: Request, make: Callable[[], bytes]) -> HttpResponse:
    """Answer a GET by its address alone: who asks makes no difference."""
    return _respond_kept(request, _query(request), make)


def answer_products(request: Request, make: Callable[[], bytes], *, member: UUID | None) -> HttpResponse:
    """The same for products, unless their prices are a ``member``'s own or in another currency: nobody keeps those.

    A rate is no part of the catalogue. Who may see a collection, and until when, is not said by the address either.
    """
    query = _query(request)
    if member is not None or any(name in (DISPLAY_CURRENCY.name, COLLECTION) for name, _ in query):
        return respond(request, unkept(make, fresh=_wants_fresh(request)))
    return _respond_kept(request, query, make)


def _respond_kept(request: Request, query: list[tuple[str, str]], make: Callable[[], bytes]) -> HttpResponse:
    return respond(request, kept(_named(request, query), make, fresh=_wants_fresh(request)))


def _wants_fresh(request: Request) -> bool:
    # Who is signed in can write, and shall see it; anybody else may ask for what is there now.
    return request.user.is_authenticated or "no-cache" in request.META.get("HTTP_CACHE_CONTROL", "")


def _query(request: Request) -> list[tuple[str, str]]:
    """Return the parameters, in an order that all spellings of one address share."""
    parameters = parse_qsl(request.META.get("QUERY_STRING", ""), keep_blank_values=True)
    parameters.sort(key=itemgetter(0))
    return parameters


def _named(request: Request, query: list[tuple[str, str]]) -> str:
    # Links in answers name the host, which the middleware has checked.
    return f"{request.scheme} {request.META.get('HTTP_HOST')} {request.path} {query}"


def respond(request: Request, answer: Answer) -> HttpResponse:
    """Send a body with what a client needs to ask for it again, or nothing to a client that has it."""
    tag = f'W/"{answer.tag}"'
    changed_at = answer.version.changed_at if answer.version else None
    if _is_known(request, answer.tag, int(changed_at.timestamp()) if changed_at else None):
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(answer.body, content_type="application/json")
    response["ETag"] = tag
    if changed_at is not None:
        response["Last-Modified"] = http_date(changed_at.timestamp())
    # To be kept by anybody and asked for again every time: a price may have changed a second ago.
    response["Cache-Control"] = f"{'private' if request.user.is_authenticated else 'public'}, no-cache"
    patch_vary_headers(response, ("Accept", "Authorization"))
    return response


def _is_known(request: Request, tag: str, changed_at: int | None) -> bool:
    if known := request.headers.get("If-None-Match"):
        tags = [each.removeprefix("W/").strip('"') for each in parse_etags(known)]  # weak. Source: RFC 9110, 13.1.2
        return "*" in tags or tag in tags
    since = parse_http_date_safe(request.headers.get("If-Modified-Since", ""))
    return since is not None and changed_at is not None and since >= changed_at


def rendered(data: object) -> bytes:
    body: bytes = JSONRenderer().render(data)
    return body


class JsonOnly(APIView):
    """Leave out choosing among one form where a client takes any, or just that one."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        if request.META.get("HTTP_ACCEPT", "*/*") in ("*/*", JSONRenderer.media_type):
            return JSONRenderer(), JSONRenderer.media_type
        chosen: tuple[BaseRenderer, str] = super().perform_content_negotiation(request, force)
        return chosen
