"""The shop's addresses, and some that fail in every way there is."""

from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import connection, transaction
from django.db.models import ProtectedError
from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework.permissions import AllowAny, IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecommerce.exceptions import Busy, Conflict, DomainError, ErrorRow
from ecommerce.idempotency import IdempotencyInProgress
from ecommerce.urls import handler400, handler403, handler404, handler500, urlpatterns

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

CANARY = "canary-5d41402a"


class ShortStock(DomainError):
    code = "short_stock"


def domain_error() -> None:
    raise ShortStock([ErrorRow("short_stock", "Only 1 left.", "items.0.quantity"), ErrorRow("closed", "Shut.")], left=1)


def protected() -> None:
    raise ProtectedError(f"Cannot delete {CANARY}", set())


def suspicious() -> None:
    raise SuspiciousOperation(CANARY)


def forbidden() -> None:
    raise PermissionDenied(CANARY)


def crash() -> None:
    raise RuntimeError(CANARY)


def deep() -> None:
    deep()


def busy() -> None:
    raise Busy()


def conflict() -> None:
    raise Conflict()


def in_progress() -> None:
    raise IdempotencyInProgress()


def lost_connection() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


WAYS = {
    function.__name__: function
    for function in (
        domain_error, protected, suspicious, forbidden, crash, deep, busy, conflict, in_progress, lost_connection,
    )
}  # fmt: skip


def fail(way: str) -> None:
    """Fail in a named way, or with the SQLSTATE that ``way`` is."""
    if way in WAYS:
        WAYS[way]()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION '{CANARY}' USING ERRCODE = '{way}'; END $$")


class FailingView(APIView):
    permission_classes = (AllowAny,)

    def get(self, request: Request, way: str) -> Response:
        fail(way)
        return Response()


class StaffView(APIView):
    permission_classes = (IsAdminUser,)

    def get(self, request: Request) -> Response:
        return Response({"detail": "Hello."})


class EchoView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response:
        return Response({"got": request.data})


def plain(request: HttpRequest, way: str) -> HttpResponse:
    fail(way)
    return HttpResponse()


def plain_echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body)


extra: list[Any] = [
    path("api/fail/<str:way>/", FailingView.as_view()),
    path("api/staff-only/", StaffView.as_view()),
    path("api/echo/", EchoView.as_view()),
    path("plain/fail/<str:way>/", plain),
    path("plain/echo/", plain_echo),
]
urlpatterns = [*urlpatterns, *extra]
