"""The form of requests and answers about reviews."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from catalog.fields import PlainTextField
from catalog.reviews.models import Review


class ReplySerializer(serializers.Serializer[Any]):
    body = serializers.CharField()
    author = serializers.CharField(help_text="The seller, or the shop.")
    created_at = serializers.DateTimeField()


class ReviewSerializer(serializers.ModelSerializer[Review]):
    author = serializers.SerializerMethodField(help_text="A first name and an initial.")
    reply = serializers.SerializerMethodField(help_text="What the seller or the shop answers.")

    class Meta:
        model = Review
        fields = ("id", "product", "rating", "title", "body", "author", "status", "reply", "created_at", "updated_at")
        read_only_fields = fields

    def get_author(self, review: Review) -> str:
        return display_name(review.user) or "Customer"

    @extend_schema_field(ReplySerializer(allow_null=True))
    def get_reply(self, review: Review) -> dict[str, Any] | None:
        if not review.reply:
            return None
        seller = review.replied_by if review.replied_by_id == review.product.seller_id else None
        author = display_name(seller) if seller else settings.SHOP_NAME
        return ReplySerializer(
            {"body": review.reply, "author": author or "Seller", "created_at": review.replied_at}
        ).data


class WriteReviewSerializer(serializers.Serializer[Any]):
    rating = serializers.IntegerField(min_value=1, max_value=5)
    title = PlainTextField(required=False, allow_blank=True, max_length=120, one_line=True)
    body = PlainTextField(required=False, allow_blank=True, max_length=5000)


class EditReviewSerializer(WriteReviewSerializer):
    rating = serializers.IntegerField(required=False, min_value=1, max_value=5)


class WriteReplySerializer(serializers.Serializer[Any]):
    body = PlainTextField(max_length=2000)


def display_name(user: User) -> str:
    """Return how others may know somebody: the first name and the last name's initial, never more."""
    return f"{user.first_name} {user.last_name[:1]}{'.' if user.last_name else ''}".strip()
