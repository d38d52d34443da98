"""One's own profile over HTTP."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from accounts.models import User
from accounts.profiles import avatars, selectors, services
from accounts.profiles.models import Purpose
from accounts.profiles.serializers import (
    AvatarSerializer,
    ChangeConsentsSerializer,
    ChangeProfileSerializer,
    ConsentsSerializer,
    ProfileSerializer,
    shown_consents,
)
from ecommerce.http import checked
from ecommerce.pictures.drawing import MAX_FILE
from ecommerce.pictures.exceptions import ImageTooLarge
from ecommerce.schema import ErrorSerializer
from ecommerce.throttling import RequestThrottle
from ecommerce.transactions import retry_on_conflict

HISTORY = 100  # consents that are shown; all of them are in the export
_AROUND_THE_FILE = 64 * 1024  # bytes that a multipart body may hold besides the file
_CHANGES = "Role, staff flags and the e-mail address cannot be changed here. What is not sent stays."
_EXAMPLES = [
    OpenApiExample(
        "Swahili, and no news of parcels", value={"language": "sw", "parcel_mails": False}, request_only=True
    )
]


def shown(user: User) -> Response:
    """Answer with the profile as it is now."""
    fresh = User.objects.get(pk=user.pk)
    selectors.profile_of(fresh)
    return Response(ProfileSerializer(fresh).data)


class AvatarThrottle(RequestThrottle):
    """Drawing a picture is a second of a worker's time."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        return request.method != "PUT" or super().allow_request(request, view)

    def scope_and_identity(self, request: Request) -> tuple[str, str]:
        return "avatar", super().scope_and_identity(request)[1]


class ProfileView(APIView):
    permission_classes = (IsAuthenticated,)
    open_without_factor = True
    schema_tag = "accounts"

    @extend_schema(summary="Show your profile", responses={200: ProfileSerializer})
    def get(self, request: Request) -> Response:
        user = signed_in(request)
        selectors.profile_of(user)
        return Response(ProfileSerializer(user).data)

    @extend_schema(
        summary="Replace your profile",
        description=_CHANGES,
        request=ChangeProfileSerializer,
        responses={200: ProfileSerializer},
        examples=_EXAMPLES,
    )
    def put(self, request: Request) -> Response:
        return self._change(request)

    @extend_schema(
        summary="Change your profile",
        description=_CHANGES,
        request=ChangeProfileSerializer,
        responses={200: ProfileSerializer},
        examples=_EXAMPLES,
    )
    def patch(self, request: Request) -> Response:
        return self._change(request)

    def _change(self, request: Request) -> Response:
        told, user = checked(ChangeProfileSerializer, request), signed_in(request)
        retry_on_conflict(lambda: services.change_profile(user, told=told, request=request._request))
        return shown(user)


class AvatarView(APIView):
    permission_classes = (IsAuthenticated,)
    parser_classes = (MultiPartParser,)
    throttle_classes = (RequestThrottle, AvatarThrottle)
    schema_tag = "accounts"

    @extend_schema(
        summary="Upload your picture",
        description=(
            "A JPEG, PNG, WebP or GIF of at most 5 MB and 25 million pixels, told by its content and not by its name. "
            "It is `processing` at first; a worker draws it anew, upright and at most 512 pixels long, and leaves "
            "everything but its pixels behind, such as where it was taken. The picture before it stays until then."
        ),
        request={"multipart/form-data": AvatarSerializer},
        responses={200: ProfileSerializer, 413: ErrorSerializer},
    )
    def put(self, request: Request) -> Response:
        # By the header first: what is far too large is not even read.
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_FILE + _AROUND_THE_FILE:
            raise ImageTooLarge()
        user = signed_in(request)
        avatars.take_avatar(user, checked(AvatarSerializer, request)["file"].read())
        return shown(user)

    @extend_schema(summary="Delete your picture", responses={204: None})
    def delete(self, request: Request) -> Response:
        user = signed_in(request)
        retry_on_conflict(lambda: avatars.drop_avatar(user))
        return Response(status=204)


class ConsentsView(APIView):
    permission_classes = (IsAuthenticated,)
    schema_tag = "accounts"

    @extend_schema(
        summary="Show what you consented to",
        description="The texts that hold now, in your language, and what you granted or withdrew, newest first.",
        responses={200: ConsentsSerializer},
    )
    def get(self, request: Request) -> Response:
        return self._answer(signed_in(request))

    @extend_schema(
        summary="Grant or withdraw consent",
        description=(
            "Each by itself; what is not sent stays. Granting names the `text_version` that was shown: another one is "
            "409 `consent_text_changed`. Nothing of the shop depends on consenting."
        ),
        request=ChangeConsentsSerializer,
        responses={200: ConsentsSerializer},
        examples=[
            OpenApiExample("Offers by mail", value={"marketing_mail": True, "text_version": "2026-11"}),
            OpenApiExample("No more", value={"marketing_mail": False}),
        ],
    )
    def put(self, request: Request) -> Response:
        told: dict[str, Any] = checked(ChangeConsentsSerializer, request)
        user = signed_in(request)
        wishes = {purpose: told[purpose] for purpose in Purpose.values if purpose in told}
        version = told.get("text_version", "")
        retry_on_conflict(
            lambda: services.set_consents(user, wishes=wishes, text_version=version, request=request._request)
        )
        return self._answer(user)

    def _answer(self, user: User) -> Response:
        records = list(selectors.consents_of(user)[:HISTORY])
        return Response(shown_consents(selectors.profile_of(user), records))
