"""Reading pictures, by audience."""

from typing import Any

from django.db.models import QuerySet

from catalog.images.models import ProductImage
from catalog.models import Product, ProductQuerySet
from catalog.permissions import staff_may


def images_visible_to(user: Any) -> QuerySet[ProductImage]:
    """Return the pictures that are ready; those that are not are for whoever may do something about them."""
    images = ProductImage.objects.order_by("position")
    return images if staff_may(user, "change_product") else images.filter(state=ProductImage.State.READY)


def products_visible_to(user: Any) -> ProductQuerySet:
    """Return the products whose pictures somebody may see; one not for sale only for its staff."""
    products = Product.objects.all()
    return products.filter(deleted_at__isnull=True) if staff_may(user, "change_product") else products.for_sale()
