"""Commission and sellers' sales in the admin."""

from django.contrib import admin

from ecommerce.admin_base import ReadOnlyAdmin, ShopAdmin, column, money
from payments.models import CommissionRate, SellerSale


@admin.register(CommissionRate)
class CommissionRateAdmin(ShopAdmin):
    """What the shop keeps; it holds for what is delivered from now on."""

    list_display = ("__str__", "seller", "category", "basis_points", "updated_at")
    list_select_related = ("seller", "category")
    autocomplete_fields = ("seller", "category")
    search_fields = ("seller__email", "category__category_name")
    fields = (("seller", "category"), "basis_points")


@admin.register(SellerSale)
class SellerSaleAdmin(ReadOnlyAdmin):
    """What was sold for sellers, newest first."""

    list_display = ("order_item", "seller", "units", "shown_gross", "shown_commission", "basis_points", "due_at")
    list_select_related = ("seller", "order_item")
    search_fields = ("seller__email", "=order_item__order__number")
    ordering = ("-created_at", "-id")
    fields = (("order_item", "seller"), ("units", "basis_points"), ("shown_gross", "shown_commission"), "due_at")

    @column("Sold for")
    def shown_gross(self, sale: SellerSale) -> str:
        return money(sale.gross, sale.currency)

    @column("Commission")
    def shown_commission(self, sale: SellerSale) -> str:
        return money(sale.commission, sale.currency)
