"""Addresses below one product: ``/products/{key}/…/``, where the key is an id or a url_key."""

from drf_spectacular.utils import OpenApiParameter
from rest_framework.generics import get_object_or_404

from catalog.models import Product
from catalog.selectors import by_id_or_url_key

PRODUCT_KEY = OpenApiParameter(
    "key", location=OpenApiParameter.PATH, description="The product's id or url_key.", type=str
)


def named_product(key: str) -> Product:
    """Return the product for sale with this id or url_key, without its wide columns.

    Raises:
        Http404: there is none.
    """
    product: Product = get_object_or_404(
        Product.objects.for_sale().only("product_name", "seller_id"), by_id_or_url_key(key)
    )
    return product
