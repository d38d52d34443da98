"""Reading wishes, by audience."""

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from accounts.models import User
from catalog.models import Stock
from catalog.selectors import products_for_sale
from catalog.wishlist.models import StockNotice, WishlistItem


def wishlist_of(user: User) -> QuerySet[WishlistItem]:
    """Somebody's wishes that are for sale, newest first, in two statements. ``notify``: they wait for its return."""
    unsent = StockNotice.objects.filter(user=user, product=OuterRef("product"), sent_at__isnull=True)
    return (
        WishlistItem.objects.filter(user=user, product__is_active=True, product__deleted_at__isnull=True)
        .annotate(notify=Exists(unsent))
        .prefetch_related(Prefetch("product", queryset=products_for_sale()))
        .order_by("-created_at", "-id")
    )


def with_goods(notices: QuerySet[StockNotice]) -> QuerySet[StockNotice]:
    """Those notices whose product or variant can be ordered now."""
    stocked = Stock.objects.filter(variant=OuterRef("variant"), variant__is_active=True, available__gt=0)
    return notices.filter(
        Q(variant__isnull=True, product__in_stock=True) | Exists(stocked),
        product__is_active=True,
        product__deleted_at__isnull=True,
    )
