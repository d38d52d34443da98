"""Reading products for those who write them."""

from django.db.models import Prefetch, Q, QuerySet

from accounts.models import User
from catalog.models import Product, ProductQuerySet, Variant
from catalog.permissions import staff_may


def is_seller(user: User) -> bool:
    return user.role == User.Role.SELLER


def may(user: User, what: str, product: Product | None = None) -> bool:
    """Tell whether ``user`` may ``add``, ``change`` or ``delete`` products, or this one.

    Staff by the right of that name; sellers what is their own.
    """
    if staff_may(user, f"{what}_product"):
        return True
    return is_seller(user) and (product is None or product.seller_id == user.pk)


def sees_all(user: User) -> bool:
    """Tell whether ``user`` works on the shop's products, those that are hidden or removed included."""
    return any(staff_may(user, f"{what}_product") for what in ("view", "change", "delete"))


def products_known_to(user: User) -> ProductQuerySet:
    """What ``user`` may know of: everything for staff who work on products, else what is for sale and one's own."""
    products = Product.objects.all()
    if sees_all(user):
        return products
    for_sale = Q(is_active=True, deleted_at__isnull=True)
    return products.filter(for_sale | Q(seller=user)) if is_seller(user) else products.filter(for_sale)


def removed_products(user: User) -> QuerySet[Product]:
    """What was removed, of all products for staff and of their own for sellers, in one statement."""
    removed = products_known_to(user).filter(deleted_at__isnull=False).select_related("category")
    return removed.defer("search_vector", "description", "attributes")


def for_editing() -> QuerySet[Product]:
    """Products with everything that an editor sees, inactive variants too, in two statements."""
    variants = Variant.objects.select_related("stock_level").order_by("position", "sku")
    return (
        Product.objects.defer("search_vector")
        .select_related("category", "brand")
        .prefetch_related(Prefetch("variants", queryset=variants))
    )
