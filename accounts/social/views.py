"""Log-in with Google and Facebook over HTTP."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from accounts.authentication import signed_in
from accounts.freshness import demand_fresh_log_in
from accounts.models import User
from accounts.serializers import LOG_IN_ANSWER, SECOND_FACTOR_EXAMPLE, log_in_answer
from accounts.social import services
from accounts.social.models import SocialIdentity
from accounts.social.providers import ProviderAccount, check_facebook, check_google
from accounts.social.serializers import FacebookTokenSerializer, GoogleTokenSerializer, SocialIdentitySerializer
from accounts.throttling import ProofThrottle
from accounts.views import PublicView
from ecommerce.http import checked
from ecommerce.schema import ErrorSerializer
from ecommerce.throttling import LoginThrottle, RequestThrottle

_REFUSALS = {
    400: OpenApiResponse(ErrorSerializer, description="`invalid_provider_token`, `email_not_verified`"),
    404: OpenApiResponse(ErrorSerializer, description="`social_login_off`: the shop has no app there"),
    503: OpenApiResponse(ErrorSerializer, description="`provider_unavailable`"),
}
_LOG_IN_REFUSALS = _REFUSALS | {
    409: OpenApiResponse(
        ErrorSerializer,
        description="`account_exists`, with the addresses `log_in` and `link`: log in, then send a token to `link`",
    )
}
_GOOGLE_EXAMPLE = OpenApiExample(
    "Google", value={"id_token": "eyJhbGciOiJSUzI1NiIsImtpZCI6…", "nonce": "n-0S6_WzA2Mj"}, request_only=True
)
_FACEBOOK_EXAMPLES = [
    OpenApiExample(
        "Limited login", value={"id_token": "eyJhbGciOiJSUzI1NiIsImtpZCI6…", "nonce": "n-0S6_WzA2Mj"}, request_only=True
    ),
    OpenApiExample("Access token", value={"access_token": "EAABwzLixnjYBO…"}, request_only=True),
]


class _LogInView(PublicView):
    throttle_classes = (RequestThrottle, LoginThrottle)

    form: type[Serializer[Any]]
    check: Callable[..., ProviderAccount]

    def log_in(self, request: Request) -> Response:
        account = type(self).check(**checked(self.form, request))
        user, outcome = services.log_in(account, request=request._request)
        return Response(log_in_answer(user, outcome))


class GoogleLogInView(_LogInView):
    form = GoogleTokenSerializer
    check = staticmethod(check_google)

    @extend_schema(
        summary="Log in with Google",
        description=(
            "Takes the identity token that Google's button gave. Signature, issuer, audience, age, nonce and the "
            "confirmed address are checked, and a token is taken once. Whoever comes for the first time gets an "
            "account, unless there is one with this address: 409 `account_exists`."
        ),
        request=GoogleTokenSerializer,
        responses={200: LOG_IN_ANSWER, **_LOG_IN_REFUSALS},
        examples=[_GOOGLE_EXAMPLE, SECOND_FACTOR_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        return self.log_in(request)


class FacebookLogInView(_LogInView):
    form = FacebookTokenSerializer
    check = staticmethod(check_facebook)

    @extend_schema(
        summary="Log in with Facebook",
        description=(
            "Takes the identity token of limited login, which is taken once, or an access token, about which Facebook "
            "is asked. Facebook vouches for no mail address: whoever comes for the first time gets an account without "
            "one."
        ),
        request=FacebookTokenSerializer,
        responses={200: LOG_IN_ANSWER, **_LOG_IN_REFUSALS},
        examples=[*_FACEBOOK_EXAMPLES, SECOND_FACTOR_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        return self.log_in(request)


class _LinkView(APIView):
    throttle_classes = (RequestThrottle, ProofThrottle)
    schema_tag = "accounts"

    form: type[Serializer[Any]]
    check: Callable[..., ProviderAccount]

    def link(self, request: Request) -> Response:
        user = freshly_signed_in(request)
        account = type(self).check(**checked(self.form, request))
        identity = services.link(account, user=user, request=request._request)
        return Response(SocialIdentitySerializer(identity).data, status=status.HTTP_201_CREATED)


_LINK_DESCRIPTION = "From now on it opens your account too. The log-in must be less than 15 minutes old."
_LINK_ANSWERS = {
    201: SocialIdentitySerializer,
    403: OpenApiResponse(ErrorSerializer, description="`fresh_log_in_required`"),
    409: OpenApiResponse(ErrorSerializer, description="`identity_taken`: it opens another account"),
    **_REFUSALS,
}


class GoogleLinkView(_LinkView):
    form = GoogleTokenSerializer
    check = staticmethod(check_google)

    @extend_schema(
        summary="Link a Google account",
        description=_LINK_DESCRIPTION,
        request=GoogleTokenSerializer,
        responses=_LINK_ANSWERS,
        examples=[_GOOGLE_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        return self.link(request)


class FacebookLinkView(_LinkView):
    form = FacebookTokenSerializer
    check = staticmethod(check_facebook)

    @extend_schema(
        summary="Link a Facebook account",
        description=_LINK_DESCRIPTION,
        request=FacebookTokenSerializer,
        responses=_LINK_ANSWERS,
        examples=_FACEBOOK_EXAMPLES,
    )
    def post(self, request: Request) -> Response:
        return self.link(request)


@extend_schema_view(get=extend_schema(summary="List linked accounts", description="Your own; oldest first."))
class SocialIdentitiesView(ListAPIView[SocialIdentity]):
    serializer_class = SocialIdentitySerializer
    filter_backends = ()
    schema_tag = "accounts"

    def get_queryset(self) -> QuerySet[SocialIdentity]:
        if getattr(self, "swagger_fake_view", False):
            return SocialIdentity.objects.none()
        return SocialIdentity.objects.filter(user=signed_in(self.request)).order_by("pk")


class SocialIdentityView(APIView):
    schema_tag = "accounts"

    @extend_schema(
        summary="Unlink an account",
        description=(
            "It opens yours no longer. The log-in must be less than 15 minutes old, and there must be another way in: "
            "else 409 `last_way_in`."
        ),
        responses={204: None, 403: OpenApiResponse(ErrorSerializer, description="`fresh_log_in_required`")},
    )
    def delete(self, request: Request, identity_id: UUID) -> Response:
        services.unlink(identity_id, user=freshly_signed_in(request), request=request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


def freshly_signed_in(request: Request) -> User:
    """Return the user of a request whose log-in is fresh: a stolen token must not become a door of its own.

    Raises:
        FreshLogInRequired: it is not.
    """
    user = signed_in(request)
    demand_fresh_log_in(request)
    return user
