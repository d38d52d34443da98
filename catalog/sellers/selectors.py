"""Reading what a seller offers."""

from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Sum

from accounts.sellers.models import SellerProfile
from accounts.sellers.selectors import open_storefronts
from catalog.models import Product


def storefront(key: str) -> dict[str, Any] | None:
    """Return what anybody may know of the seller with this address, in two statements; None if there is none.

    The rating is that of all reviews of what they offer now.
    """
    profile: SellerProfile | None = open_storefronts().filter(url_key=key).first()
    if profile is None:
        return None
    counted = (
        Product.objects.for_sale()
        .filter(seller=profile.user_id)
        .aggregate(
            products=Count("pk"),
            reviews=Sum("review_count", default=0),
            stars=Sum(F("rating") * F("review_count"), default=Decimal(0)),
        )
    )
    reviews = counted["reviews"]
    return {
        "id": profile.user_id,
        "display_name": profile.display_name,
        "url_key": profile.url_key,
        "about": profile.about,
        "county": profile.county,
        "member_since": profile.applied_at,
        "product_count": counted["products"],
        "review_count": reviews,
        "rating": (counted["stars"] / reviews).quantize(Decimal("0.01")) if reviews else None,
    }
