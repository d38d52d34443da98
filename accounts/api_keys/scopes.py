"""What a key may do: the one rule that maps scopes to operations.

A view names its area, ``api_key_area = "orders"``. Reading there takes ``orders:read``, everything else
``orders:write``. A view that names none, and a scope that does not exist (nothing moves money by key), refuse keys.
"""

from typing import Any

from django.db import models
from rest_framework.permissions import SAFE_METHODS


class Scope(models.TextChoices):
    CATALOGUE_READ = "catalogue:read", "Products, prices, categories, brands, pictures, imports: read"
    CATALOGUE_WRITE = "catalogue:write", "Products, prices, categories, brands, pictures, imports: change"
    STOCK_READ = "stock:read", "Stock, its movements, warehouses, counts: read"
    STOCK_WRITE = "stock:write", "Stock, warehouses, counts: change"
    ORDERS_READ = "orders:read", "Orders, shipments, invoices, shipping methods: read"
    ORDERS_WRITE = "orders:write", "Orders, shipments, shipping methods: change"
    RETURNS_READ = "returns:read", "Returns: read"
    PAYMENTS_READ = "payments:read", "Payments, refunds, received money, ledger, statements, payouts: read"
    REPORTS_READ = "reports:read", "Lists and exports of tax documents: read"


def wanted_scope(view: Any, method: str | None) -> Scope | None:
    """Return what a key needs for this operation; None where keys are refused."""
    area = getattr(view, "api_key_area", None)
    name = f"{area}:{'read' if method in SAFE_METHODS else 'write'}"
    return Scope(name) if name in Scope.values else None
