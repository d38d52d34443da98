"""Addresses below one product: ``/products/{key}/…/``, where the key is an id or a url_key."""

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.generics import get_object_or_404

from catalog.models import Product
from catalog.selectors import by_id_or_url_key

PRODUCT_KEY = OpenApiParameter(
    "key", location=OpenApiParameter.PATH, description="The product's id or url_key.", type=str
)


def named_product(key: str, products: QuerySet[Product] | None = None) -> Product:
    """Return the product with this id or url_key, without its wide columns, of those that the reader may know of.

    Without ``products``, those are what is for sale.

    Raises:
        Http404: there is none.
    """
    known = Product.objects.for_sale() if products is None else products
    product: Product = get_object_or_404(known.only("product_name", "seller_id"), by_id_or_url_key(key))
    return product
