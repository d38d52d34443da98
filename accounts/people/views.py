"""People and the trail over HTTP, for staff."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.audit.models import SecurityEvent
from accounts.authentication import signed_in
from accounts.models import User
from accounts.people import selectors, services
from accounts.people.filters import PeopleFilter, TrailFilter
from accounts.people.pagination import TrailPagination
from accounts.people.permissions import MaySeePeople, MaySeeTrail
from accounts.people.serializers import PersonSerializer, SupportSerializer, TrailEntrySerializer

PEOPLE_ORDERINGS = {
    "-date_joined": ("-date_joined", "-id"),
    "newest": ("-date_joined", "-id"),
    "date_joined": ("date_joined", "id"),
    "email": ("email", "id"),
    "-email": ("-email", "-id"),
    "last_login": ("last_login", "id"),
    "-last_login": ("-last_login", "-id"),
}


@extend_schema_view(
    get=extend_schema(
        summary="Find people",
        description=(
            "For staff who may see users. `search` (alias `q`) is a phone number in any spelling, or words that all "
            "stand in e-mail, username or name. Who is not an administrator finds customers and sellers, not staff. "
            "The trail notes who looked, and by which filters."
        ),
    )
)
class PeopleView(ListAPIView[User]):
    permission_classes = (MaySeePeople,)
    serializer_class = PersonSerializer
    filterset_class = PeopleFilter
    orderings = PEOPLE_ORDERINGS
    schema_tag = "people"

    def get_queryset(self) -> QuerySet[User]:
        if getattr(self, "swagger_fake_view", False):
            return User.objects.none()
        return selectors.people_visible_to(signed_in(self.request))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        answer: Response = super().list(request, *args, **kwargs)
        filters = sorted(name for name in request.query_params if name in PeopleFilter.base_filters)
        services.note_search(actor=signed_in(request), request=request._request, filters=filters)
        return answer


class PersonView(APIView):
    permission_classes = (MaySeePeople,)
    schema_tag = "people"

    @extend_schema(
        summary="Show somebody to support",
        description=(
            "Who they are, what is confirmed, how they came in lately, and what each app counts. Support sees this; "
            "nobody logs in as somebody else. Each look stands in the trail, which the person's export has."
        ),
        responses={200: SupportSerializer},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        actor = signed_in(request)
        user = selectors.people_visible_to(actor).filter(pk=pk).first()
        if user is None:
            raise Http404
        return Response(SupportSerializer(services.look_at(user, actor=actor, request=request._request)).data)


@extend_schema_view(
    get=extend_schema(
        summary="Read the trail",
        description=(
            "Who came in, who was refused, who changed or looked at what, when and from where; newest first, page by "
            "page with the cursor of `next`. For administrators. What staff change in the catalogue is in its own "
            "history, under the same `request_id`."
        ),
        examples=[
            OpenApiExample(
                "A look at somebody",
                value={
                    "id": "0198c0de-0000-7000-8000-000000000071",
                    "kind": "person_seen",
                    "user": {
                        "id": "0198c0de-0000-7000-8000-000000000072",
                        "username": "wanjiku",
                        "email": "wanjiku@example.com",
                    },
                    "actor": {
                        "id": "0198c0de-0000-7000-8000-000000000073",
                        "username": "support",
                        "email": "support@example.com",
                    },
                    "ip_address": "196.201.214.10",
                    "user_agent": "Mozilla/5.0",
                    "request_id": "01a200f308fa72d9a22ac4bae813bc4d",
                    "details": {},
                    "created_at": "2026-11-22T09:15:00Z",
                },
                response_only=True,
            )
        ],
    )
)
class TrailView(ListAPIView[SecurityEvent]):
    permission_classes = (MaySeeTrail,)
    serializer_class = TrailEntrySerializer
    filterset_class = TrailFilter
    pagination_class = TrailPagination
    extra_query_parameters = ("cursor",)
    schema_tag = "people"

    def get_queryset(self) -> QuerySet[SecurityEvent]:
        if getattr(self, "swagger_fake_view", False):
            return SecurityEvent.objects.none()
        return selectors.trail()
