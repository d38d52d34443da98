"""Writing reviews. A review's row is locked before anything is decided about it; its product follows by trigger."""

import re
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from catalog.models import Product
from catalog.reviews.eligibility import bought_item
from catalog.reviews.exceptions import AlreadyReviewed, NotBought, NotPublished, OwnProduct, ReviewHeldBack
from catalog.reviews.models import Review
from ecommerce.insertion import insert_once

# Where advertising leads: an address, also without its scheme. Such a text is looked at before anyone reads it.
_LINK = re.compile(r"https?://|\bwww\.|[a-z0-9-]\.(?:com|net|org|info|biz|shop|me|ly|ke)\b", re.IGNORECASE)


@transaction.atomic
def write_review(*, user: User, product: Product, rating: int, title: str = "", body: str = "") -> Review:
    """Store a buyer's review. One with a link in it, or all by setting, wait for the shop's eye.

    Raises:
        OwnProduct: the seller speaks.
        NotBought: ``user`` has no delivered order with this product.
        AlreadyReviewed: there is one; its id is in ``extra``. Nothing is changed.
    """
    if product.seller_id == user.pk:
        raise OwnProduct()
    item_id = bought_item(user, product.pk)
    if item_id is None:
        raise NotBought()
    review = Review(
        product=product,
        user=user,
        order_item_id=item_id,
        rating=rating,
        title=title,
        body=body,
        status=_fresh(title, body),
    )
    if not insert_once(review):
        existing = Review.objects.filter(user=user, product=product).values_list("pk", flat=True).first()
        raise AlreadyReviewed(review=str(existing) if existing else None)
    return review


@transaction.atomic
def edit_review(review_id: UUID, **changes: Any) -> Review:
    """Change ``rating``, ``title`` or ``body``, as the author wants.

    What the shop has taken down waits for its eye again; a changed text is treated as a new one.

    Raises:
        Review.DoesNotExist: it has gone meanwhile.
    """
    review = _locked(review_id)
    changed = {name: value for name, value in changes.items() if getattr(review, name) != value}
    if not changed:
        return review
    for name, value in changed.items():
        setattr(review, name, value)
    if review.is_held_back:
        review.status = Review.Status.PENDING_MODERATION
    elif changed.keys() & {"title", "body"}:
        review.status = _fresh(review.title, review.body)
    review.save(update_fields=[*changed, "status", "updated_at"])
    return review


@transaction.atomic
def delete_review(review_id: UUID) -> None:
    """Remove a review for good; its author may write another.

    Raises:
        ReviewHeldBack: else, writing it again would undo the shop's decision.
        Review.DoesNotExist: it has gone meanwhile.
    """
    review = _locked(review_id)
    if review.is_held_back:
        raise ReviewHeldBack()
    review.delete()


@transaction.atomic
def reply_to_review(review_id: UUID, *, text: str, actor: User) -> Review:
    """Answer a published review, or put another answer in the place of the first.

    Raises:
        NotPublished: nobody reads it now.
        Review.DoesNotExist: it has gone meanwhile.
    """
    review = _locked(review_id)
    if review.status != Review.Status.PUBLISHED:
        raise NotPublished()
    review.reply, review.replied_at, review.replied_by = text, timezone.now(), actor
    review.save(update_fields=["reply", "replied_at", "replied_by", "updated_at"])
    return review


@transaction.atomic
def remove_reply(review_id: UUID) -> Review:
    review = _locked(review_id)
    review.reply, review.replied_at, review.replied_by = "", None, None
    review.save(update_fields=["reply", "replied_at", "replied_by", "updated_at"])
    return review


@transaction.atomic
def moderate_review(review_id: UUID, *, shown: bool, actor: User) -> Review:
    """Publish a review or take it down; a repeat changes nothing.

    Raises:
        Review.DoesNotExist: it has gone meanwhile.
    """
    review = _locked(review_id)
    status = Review.Status.PUBLISHED if shown else Review.Status.HIDDEN
    if review.status != status:
        review.status, review.moderated_at, review.moderated_by = status, timezone.now(), actor
        review.save(update_fields=["status", "moderated_at", "moderated_by", "updated_at"])
    return review


def _locked(review_id: UUID) -> Review:
    return Review.objects.select_for_update(no_key=True).get(pk=review_id)


def _fresh(title: str, body: str) -> Review.Status:
    """Return the status of a text that nobody at the shop has seen."""
    if settings.REVIEWS_PREMODERATED or _LINK.search(f"{title}\n{body}"):
        return Review.Status.PENDING_MODERATION
    return Review.Status.PUBLISHED
