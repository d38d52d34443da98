"""The form of requests and answers about reviews."""

import re
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from catalog.importing.cleaning import clean_paragraphs
from catalog.reviews.models import Review

# What would begin a tag, a comment or a declaration.
_OPENS_TAG = re.compile(r"<(?=[/!?a-zA-Z])")


class PlainTextField(serializers.CharField):
    """Text without markup and control characters. Whoever puts it into HTML escapes it all the same.

    The length is checked before the cleaning too, which therefore never sees more than ``max_length`` characters.
    """

    def __init__(self, *, one_line: bool = False, **kwargs: Any) -> None:
        self.one_line = one_line
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if self.max_length is not None and len(text) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        # Removing a tag can join two halves into another one: what still looks like one loses its bracket.
        text = _OPENS_TAG.sub("", clean_paragraphs(text))
        return " ".join(text.split()) if self.one_line else text

    def run_validation(self, data: Any = serializers.empty) -> Any:
        text = super().run_validation(data)
        if text == "" and not self.allow_blank:
            self.fail("blank")  # nothing was left of it
        return text


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
