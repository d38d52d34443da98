"""Reading the catalogue, by audience."""

from uuid import UUID

from django.db import connection
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from catalog.models import Brand, Category, Product, ProductQuerySet


def products_for_sale() -> ProductQuerySet:
    """Products that anyone may see, with what a list shows, in one statement."""
    products = Product.objects.for_sale().with_stock().select_related("category", "brand")
    return products.defer("search_vector", "description", "attributes")


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
    try:
        column, value = "id = %s::uuid", str(UUID(key))
    except ValueError:
        column, value = "url_key = %s", key
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT below.id FROM catalog_category AS root "  # noqa: S608 - our own words
            f"JOIN catalog_category AS below ON below.path <@ root.path WHERE root.{column}",
            [value],
        )
        return [row[0] for row in cursor.fetchall()]


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
