"""Reading pictures, by audience."""

from typing import Any

from django.db.models import QuerySet

from catalog.images.models import ProductImage
from catalog.models import Product
from catalog.selectors import by_id_or_url_key


def may_change_products(user: Any) -> bool:
    return bool(user.is_authenticated and user.is_staff and user.has_perm("catalog.change_product"))


def images_visible_to(user: Any) -> QuerySet[ProductImage]:
    """Return the pictures that are ready; those that are not are for whoever may do something about them."""
    images = ProductImage.objects.order_by("position")
    return images if may_change_products(user) else images.filter(state=ProductImage.State.READY)


def find_product(user: Any, key: str) -> Product | None:
    """Return the product with this UUID or url_key, without its wide columns; one not for sale only for its staff."""
    products = Product.objects.filter(deleted_at__isnull=True)
    if not may_change_products(user):
        products = products.filter(is_active=True)
    return products.filter(by_id_or_url_key(key)).only("product_name").first()
