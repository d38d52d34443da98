"""Filters of reviews."""

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from accounts.models import User
from catalog.reviews.models import Review
from ecommerce.filters import YesOrNoFilter


class ProductReviewFilter(filters.FilterSet):
    rating = filters.ChoiceFilter(choices=[(str(rating), str(rating)) for rating in range(1, 6)])

    class Meta:
        model = Review
        fields = ()


class ReviewFilter(ProductReviewFilter):
    product = filters.UUIDFilter(field_name="product_id")
    status = filters.ChoiceFilter(choices=Review.Status.choices)
    mine = YesOrNoFilter(method="of_the_reader", label="one's own reviews only, or all but those")

    def of_the_reader(self, reviews: QuerySet[Review], name: str, mine: bool) -> QuerySet[Review]:
        user: Any = self.request.user if self.request else None
        if not isinstance(user, User):
            return reviews.none() if mine else reviews
        return reviews.filter(user=user) if mine else reviews.exclude(user=user)
