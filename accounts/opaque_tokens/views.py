"""Opaque tokens over HTTP."""

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from accounts.freshness import demand_fresh_log_in
from accounts.opaque_tokens import serializers, services
from accounts.opaque_tokens.models import OpaqueToken
from ecommerce.http import checked
from ecommerce.schema import ErrorSerializer
from ecommerce.throttling import LoginThrottle, RequestThrottle


class OpaqueTokenView(APIView):
    schema_tag = "accounts"
    throttle_classes = (RequestThrottle, LoginThrottle)

    @extend_schema(
        summary="Issue a token that lasts",
        description=(
            "Gives 40 characters for `Authorization: Token`, with the rights of the log-in. They are shown once, and "
            "end when they are not used for a while, or with everything else when you log out everywhere. It takes a "
            "fresh log-in (`fresh_log_in_required`): whoever finds an access token cannot make one that lasts."
        ),
        request=serializers.IssueTokenSerializer,
        responses={201: serializers.IssuedTokenSerializer, 403: ErrorSerializer},
        examples=[
            OpenApiExample("Issue", value={"name": "Stock script"}, request_only=True),
            OpenApiExample(
                "Issued",
                value={
                    "id": "01990c6e-6d0c-7d44-b2b5-63a1e9f0c0aa",
                    "token": "3f0c2a5e8b7d4c1e9a6f5b2d8c7e4a1b0f3d6c9e",
                    "idle_days": 14,
                },
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        demand_fresh_log_in(request)
        data = checked(serializers.IssueTokenSerializer, request)
        token, text = services.issue(signed_in(request), request=request._request, name=data.get("name", ""))
        answer = {"id": token.pk, "token": text, "idle_days": settings.OPAQUE_TOKEN_IDLE.days}
        return Response(
            serializers.IssuedTokenSerializer(answer).data,
            status=status.HTTP_201_CREATED,
            headers={"Cache-Control": "no-store"},
        )

    @extend_schema(
        summary="End the token",
        description=(
            "The one that the request is sent with; sent with another log-in, all of your tokens. One of several: "
            "`DELETE /api/auth/sessions/{id}/`."
        ),
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request) -> Response:
        user = signed_in(request)
        if isinstance(request.auth, OpaqueToken):
            services.revoke(request.auth, user=user, request=request._request)
        else:
            services.revoke_all(user, request=request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)
