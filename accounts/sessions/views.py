"""Your log-ins over HTTP."""

from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from accounts.sessions import selectors, services
from accounts.sessions.serializers import LogInSerializer
from ecommerce.filters import PAGING_PARAMETERS, refuse_unknown_parameters


class SessionsView(GenericAPIView[object]):  # type: ignore[type-var]
    schema_tag = "accounts"
    serializer_class = LogInSerializer
    filter_backends = ()  # rows of three tables

    @extend_schema(
        summary="List your log-ins",
        description="Everything that is logged in as you now: log-ins, opaque tokens, the admin. This one comes first.",
        responses={200: LogInSerializer(many=True)},
        examples=[
            OpenApiExample(
                "A log-in",
                value={
                    "id": "6f1d2c1e-52c5-4c38-9c0b-0a8a7a5f6d10",
                    "kind": "log_in",
                    "name": "",
                    "started_at": "2026-11-21T06:10:00Z",
                    "last_used_at": "2026-11-22T05:58:12Z",
                    "expires_at": "2026-12-06T05:58:12Z",
                    "ip_address": "41.90.64.7",
                    "user_agent": "Mozilla/5.0 (Linux; Android 14)",
                    "current": True,
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:
        refuse_unknown_parameters(request, PAGING_PARAMETERS)
        rows = selectors.log_ins_of(signed_in(request), selectors.current_of(request))
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(LogInSerializer(page, many=True).data)

    @extend_schema(
        operation_id="auth_sessions_destroy_others",
        summary="Log out everywhere else",
        description="Ends every log-in and opaque token but the one that asks, at once. API keys stay.",
        request=None,
        responses={204: OpenApiResponse(description="The others have ended.")},
    )
    def delete(self, request: Request) -> Response:
        user = signed_in(request)
        services.end_others(user=user, current=selectors.current_of(request), request=request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SessionView(APIView):
    schema_tag = "accounts"

    @extend_schema(
        summary="End a log-in",
        description="At once: its access tokens open nothing any more. Ending the one that asks is logging out.",
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request, log_in_id: UUID) -> Response:
        if not services.end_log_in(log_in_id, user=signed_in(request), request=request._request):
            raise Http404
        return Response(status=status.HTTP_204_NO_CONTENT)
