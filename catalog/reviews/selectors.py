"""Reading reviews, by audience, and what each audience may do with one."""

from typing import Any

from django.db.models import Count, Q, QuerySet

from accounts.models import User
from catalog.models import Product
from catalog.reviews.models import Review

PUBLISHED = Q(status=Review.Status.PUBLISHED)
FOR_SALE = Q(product__is_active=True, product__deleted_at__isnull=True)


def everything() -> QuerySet[Review]:
    """Every review with the names that are told with it; for whoever has been let in already."""
    shown = ("product__seller_id", "product__product_name", "user__first_name", "user__last_name")
    replier = ("replied_by__first_name", "replied_by__last_name")
    own = [field.name for field in Review._meta.concrete_fields]
    return Review.objects.select_related("user", "product", "replied_by").only(*own, *shown, *replier)


def published_reviews(product: Product) -> QuerySet[Review]:
    """What anyone may read about a product, in one statement."""
    return everything().filter(PUBLISHED, product=product)


def reviews_visible_to(user: User | None) -> QuerySet[Review]:
    """Published reviews of what is for sale, and one's own; every review for staff who may see reviews."""
    reviews = everything()
    if user is None:
        return reviews.filter(PUBLISHED & FOR_SALE)
    if may_moderate(user) or (user.is_staff and user.has_perm("catalog.view_review")):
        return reviews
    return reviews.filter((PUBLISHED & FOR_SALE) | Q(user=user) | Q(PUBLISHED, product__seller=user))


def may_moderate(user: User) -> bool:
    return user.is_staff and user.has_perm("catalog.change_review")


def may_reply(user: User, review: Review) -> bool:
    """Tell whether ``user`` speaks for the shop: the product's seller, or staff who moderate."""
    return review.product.seller_id == user.pk or may_moderate(user)


def counts_of(user: User) -> dict[str, Any]:
    """Return what support is told of somebody's reviews; one statement."""
    return Review.objects.filter(user=user).aggregate(count=Count("pk"), published=Count("pk", filter=PUBLISHED))
