"""Who may import and export, and what they see of it."""

from typing import Any

from django.db.models import QuerySet

from catalog.exchange.models import CatalogueImport, ImportProblem
from catalog.models import Product, ProductQuerySet
from catalog.permissions import staff_may


def may_import(user: Any) -> bool:
    """An import makes products and changes them; nobody may do one half of it."""
    return staff_may(user, "add_product", "change_product")


def may_update_stock(user: Any) -> bool:
    return bool(user.has_perm("catalog.change_stock"))


def may_export(user: Any) -> bool:
    return staff_may(user, "view_product")


def imports() -> QuerySet[CatalogueImport]:
    return CatalogueImport.objects.select_related("created_by")


def problems_of(job: CatalogueImport) -> QuerySet[ImportProblem]:
    return ImportProblem.objects.filter(catalogue_import=job).order_by("pk")


def products_to_export() -> ProductQuerySet:
    """Everything that has not been removed, also what is not for sale."""
    return Product.objects.filter(deleted_at__isnull=True)
