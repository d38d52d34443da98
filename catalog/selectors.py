"""Reading the catalogue, by audience."""

from uuid import UUID

from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from catalog.images.models import ProductImage
from catalog.models import Brand, Category, Product, ProductQuerySet, Variant
from catalog.prices.selectors import with_offers, with_product_offers


def products_for_sale(*, with_variants: bool = False, member: UUID | None = None) -> ProductQuerySet:
    """Products that anyone may see, with what a list shows, in one statement (three with variants and pictures).

    For a ``member`` of a group of customers, also with what price lists offer them.
    """
    products = Product.objects.for_sale().with_stock().select_related("category", "brand")
    if member is not None:
        products = with_product_offers(products, to=member)
    if not with_variants:
        return products.defer("search_vector", "description", "attributes")
    variants = with_offers(Variant.objects.filter(is_active=True).select_related("stock_level"), to=member)
    images = ProductImage.objects.filter(state=ProductImage.State.READY).order_by("position")
    return products.defer("search_vector").prefetch_related(
        Prefetch("variants", queryset=variants), Prefetch("images", queryset=images)
    )


def categories_with_counts() -> QuerySet[Category]:
    """All categories, each with the number of products for sale directly in it."""
    for_sale = Q(products__is_active=True, products__deleted_at__isnull=True)
    return Category.objects.annotate(product_count=Count("products", filter=for_sale))


def ancestors_of(category: Category) -> QuerySet[Category]:
    """Return what stands above a category, the root first."""
    above = category.path.split(".")[:-1]
    return Category.objects.filter(pk__in=above).order_by("path")


def brands() -> QuerySet[Brand]:
    """All brands but former names, each with the number of its products for sale."""
    # Counted for the rows of a page alone: joined, it would be all products of the shop.
    for_sale = Product.objects.for_sale().filter(brand=OuterRef("pk")).order_by().values("brand")
    counted = Subquery(for_sale.annotate(total=Count("pk")).values("total"))
    return Brand.objects.filter(merged_into__isnull=True).annotate(product_count=Coalesce(counted, 0))


def branch_ids(key: str) -> list[UUID]:
    """Return the ids of the category with this UUID or url_key and of all below it; empty when there is none."""
    root = Category.objects.filter(by_id_or_url_key(key)).values("path")[:1]
    return list(Category.objects.filter(path__in_branch=Subquery(root)).values_list("pk", flat=True))


def find_brand(key: str) -> Brand | None:
    """Return the brand with this UUID or url_key, also when it is that of a former name."""
    brand = Brand.objects.filter(by_id_or_url_key(key)).select_related("merged_into").first()
    return brand and (brand.merged_into or brand)


def by_id_or_url_key(key: str) -> Q:
    """Return the condition for a row named by its UUID or by its url_key."""
    try:
        return Q(pk=UUID(key))
    except ValueError:
        return Q(url_key=key)
