"""What must hold after anything; tests call it when they have done their worst."""

from decimal import ROUND_HALF_UP, Decimal

from django.db.models import Sum

from catalog.inventory.checks import CHECKS as STOCK_CHECKS
from catalog.models import Product, Stock, StockMovement
from ecommerce.invariants import violations
from orders.checks import CHECKS as ORDER_CHECKS


def assert_stock_holds() -> None:
    """Counters and balances are the sums of their movements, none is below its limit, and ``in_stock`` follows."""
    assert {check.name: found for check in STOCK_CHECKS if (found := list(violations(check)))} == {}
    for stock in Stock.objects.all():
        sums = StockMovement.objects.filter(variant_id=stock.variant_id).aggregate(
            available=Sum("available_change", default=0), on_hand=Sum("on_hand_change", default=0)
        )
        assert (stock.available, stock.on_hand) == (sums["available"], sums["on_hand"])
        assert -stock.backorder_limit <= stock.available <= stock.on_hand
    for product in Product.objects.with_stock():
        assert product.in_stock == (product.stock > 0)


def assert_ratings_hold() -> None:
    """Every product's rating and count are those of its published reviews."""
    for product in Product.objects.all():
        stars = list(product.reviews.filter(status="published").values_list("rating", flat=True))
        mean = (Decimal(sum(stars)) / len(stars)).quantize(Decimal("0.01"), ROUND_HALF_UP) if stars else None
        assert (product.rating, product.review_count) == (mean, len(stars))


def assert_orders_hold() -> None:
    """What left is in parcels and off the shelf, and every status says the truth."""
    assert {check.name: found for check in ORDER_CHECKS if (found := list(violations(check)))} == {}
