"""Reviews over HTTP; anyone may read."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated, IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import signed_in
from accounts.models import User
from catalog.below_product import PRODUCT_KEY, named_product
from catalog.reviews import selectors, serializers, services
from catalog.reviews.filters import ProductReviewFilter, ReviewFilter
from catalog.reviews.models import Review
from ecommerce import idempotency
from ecommerce.http import IDEMPOTENCY_HEADER, checked
from ecommerce.schema import ErrorSerializer
from ecommerce.throttling import RequestThrottle
from ecommerce.transactions import retry_on_conflict

_REVIEW: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000021",
    "product": "0198c0de-0000-7000-8000-000000000001",
    "rating": 4,
    "title": "Charges fast",
    "body": "Half an hour for my phone. The cable could be longer.",
    "author": "Wanjiku K.",
    "status": "published",
    "reply": {
        "body": "Thank you! A two-metre cable is on its way to the shop.",
        "author": "ByteMtaani",
        "created_at": "2026-11-22T08:10:00Z",
    },
    "created_at": "2026-11-21T07:45:00Z",
    "updated_at": "2026-11-22T08:10:00Z",
}
_NEW = _REVIEW | {"reply": None, "updated_at": "2026-11-21T07:45:00Z"}
_SHOWN = OpenApiExample("A review with its reply", value=_REVIEW, response_only=True, status_codes=["200"])
_ORDERINGS = {
    "-created_at": ("-created_at", "-id"),
    "newest": ("-created_at", "-id"),
    "created_at": ("created_at", "id"),
    "rating": ("rating", "-created_at", "-id"),
    "-rating": ("-rating", "-created_at", "-id"),
}


class ReviewThrottle(RequestThrottle):
    """Writing is counted by user; reading is not."""

    def applies(self, request: Request) -> bool:
        return request.method not in SAFE_METHODS

    def scope_and_identity(self, request: Request) -> tuple[str, str]:
        return "review", str(request.user.pk)


@extend_schema_view(
    list=extend_schema(
        summary="List a product's reviews",
        description="The published ones, newest first.",
        parameters=[PRODUCT_KEY],
        examples=[_SHOWN],
    )
)
class ProductReviewViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Review]):
    queryset = Review.objects.none()
    permission_classes = (IsAuthenticatedOrReadOnly,)
    throttle_classes = (RequestThrottle, ReviewThrottle)
    serializer_class = serializers.ReviewSerializer
    filterset_class = ProductReviewFilter
    orderings = _ORDERINGS
    schema_tag = "catalog"

    def get_queryset(self) -> QuerySet[Review]:
        if getattr(self, "swagger_fake_view", False):
            return Review.objects.none()
        return selectors.published_reviews(named_product(self.kwargs["key"]))

    @extend_schema(
        summary="Review a product",
        description=(
            "For somebody with a delivered order of it, once; 403 `not_bought` and 409 `already_reviewed` (with the "
            "`review` to change instead) say so. Markup and control characters are removed. A text with a link waits "
            "for the shop's eye: its `status` is `pending_moderation`."
        ),
        parameters=[PRODUCT_KEY, IDEMPOTENCY_HEADER],
        request=serializers.WriteReviewSerializer,
        responses={201: serializers.ReviewSerializer, 403: ErrorSerializer},
        examples=[
            OpenApiExample(
                "Four stars", value={name: _REVIEW[name] for name in ("rating", "title", "body")}, request_only=True
            ),
            OpenApiExample("Published", value=_NEW, response_only=True, status_codes=["201"]),
        ],
    )
    def create(self, request: Request, key: str) -> Response:
        data = checked(serializers.WriteReviewSerializer, request)
        user, product = signed_in(request), named_product(key)

        def effect() -> Response:
            review = services.write_review(user=user, product=product, **data)
            return Response(self.get_serializer(review).data, status=status.HTTP_201_CREATED)

        return idempotency.run_once(request, owner=f"user:{user.pk}", operation="reviews.write", effect=effect)


@extend_schema_view(
    list=extend_schema(
        summary="List reviews",
        description=(
            "Those of all products, newest first. Authors see their own in every `status`, "
            "staff with the right see all: `?status=pending_moderation` is their work list."
        ),
        examples=[_SHOWN],
    ),
    retrieve=extend_schema(summary="Show a review", examples=[_SHOWN]),
)
class ReviewViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Review]):
    queryset = Review.objects.none()
    permission_classes = (IsAuthenticatedOrReadOnly,)
    throttle_classes = (RequestThrottle, ReviewThrottle)
    serializer_class = serializers.ReviewSerializer
    filterset_class = ReviewFilter
    orderings = _ORDERINGS
    schema_tag = "catalog"

    def get_queryset(self) -> QuerySet[Review]:
        user = self.request.user if isinstance(self.request.user, User) else None
        return selectors.reviews_visible_to(user)

    @extend_schema(
        summary="Change one's review",
        description="Its author alone. A changed text is treated as a new one; one taken down waits to be looked at.",
        request=serializers.EditReviewSerializer,
        examples=[OpenApiExample("One star less", value={"rating": 3}, request_only=True), _SHOWN],
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        review = self._of_author(request)
        data = checked(serializers.EditReviewSerializer, request)
        return self._changed(review, lambda: services.edit_review(review.pk, **data))

    @extend_schema(
        summary="Delete one's review",
        description="Its author alone; 409 `review_held_back` while the shop has taken it down.",
        responses={204: None},
    )
    def destroy(self, request: Request, pk: str) -> Response:
        review = self._of_author(request)
        self._run(lambda: services.delete_review(review.pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Reply to a review",
        description="The product's seller, or staff who moderate. Another reply takes the place of the first.",
        request=serializers.WriteReplySerializer,
        responses={200: serializers.ReviewSerializer, 403: ErrorSerializer},
        examples=[
            OpenApiExample("Thanks", value={"body": _REVIEW["reply"]["body"]}, request_only=True),
            _SHOWN,
        ],
    )
    @action(detail=True, methods=["post"], permission_classes=[IsAuthenticated], throttle_classes=[RequestThrottle])
    def reply(self, request: Request, pk: str) -> Response:
        review, user = self._answerable(request)
        text = checked(serializers.WriteReplySerializer, request)["body"]
        return self._changed(review, lambda: services.reply_to_review(review.pk, text=text, actor=user))

    @extend_schema(
        summary="Take a reply back", request=None, responses={200: serializers.ReviewSerializer, 403: ErrorSerializer}
    )
    @reply.mapping.delete
    def remove_reply(self, request: Request, pk: str) -> Response:
        review, _ = self._answerable(request)
        return self._changed(review, lambda: services.remove_reply(review.pk))

    @extend_schema(
        summary="Take a review down",
        description="Staff who may change reviews. It counts no longer in the product's rating.",
        request=None,
        responses={200: serializers.ReviewSerializer, 403: ErrorSerializer},
    )
    @action(detail=True, methods=["post"], permission_classes=[IsAuthenticated], throttle_classes=[RequestThrottle])
    def hide(self, request: Request, pk: str) -> Response:
        return self._moderate(request, shown=False)

    @extend_schema(
        summary="Publish a review",
        description="Staff who may change reviews: one that waits, or was taken down.",
        request=None,
        responses={200: serializers.ReviewSerializer, 403: ErrorSerializer},
    )
    @action(detail=True, methods=["post"], permission_classes=[IsAuthenticated], throttle_classes=[RequestThrottle])
    def show(self, request: Request, pk: str) -> Response:
        return self._moderate(request, shown=True)

    def _of_author(self, request: Request) -> Review:
        review = self.get_object()
        if review.user_id != signed_in(request).pk:
            raise PermissionDenied()
        return review

    def _answerable(self, request: Request) -> tuple[Review, User]:
        review, user = self.get_object(), signed_in(request)
        if not selectors.may_reply(user, review):
            raise PermissionDenied()
        return review, user

    def _moderate(self, request: Request, *, shown: bool) -> Response:
        review, user = self.get_object(), signed_in(request)
        if not selectors.may_moderate(user):
            raise PermissionDenied()
        return self._changed(review, lambda: services.moderate_review(review.pk, shown=shown, actor=user))

    def _changed(self, review: Review, change: Callable[[], Review]) -> Response:
        self._run(change)
        # Not as its reader would find it now: a seller's own reply is told even if it was hidden meanwhile.
        fresh = get_object_or_404(selectors.everything(), pk=review.pk)
        return Response(self.get_serializer(fresh).data)

    def _run(self, change: Callable[[], Any]) -> None:
        try:
            retry_on_conflict(change)
        except Review.DoesNotExist:
            raise Http404 from None
