"""Carts, as staff see them: what somebody has chosen, at which prices. Only their owners change them."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest

from ecommerce.admin_base import EMPTY, ReadOnlyAdmin, Table, column, link_to, money, table, when
from orders.checkout.models import checkout_of
from orders.models import Cart


class OwnerFilter(admin.SimpleListFilter):
    title = "owner"
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("customer", "Customers"), ("guest", "Guests")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Cart]) -> QuerySet[Cart]:
        if self.value() in ("customer", "guest"):
            return queryset.filter(user__isnull=self.value() == "guest")
        return queryset


@admin.register(Cart)
class CartAdmin(ReadOnlyAdmin):
    list_display = ("owner", "lines", "units", "last_change", "created_at")
    list_filter = (OwnerFilter, "updated_at")
    list_select_related = ("user", "checkout")
    search_fields = ("user__email", "user__phone_number", "checkout__email", "checkout__phone_number")
    search_help_text = "E-mail or phone number (+2547…) of the account, or as told at the checkout"
    ordering = ("-updated_at",)
    fields = (("owner", "contact"), ("version", "last_change", "created_at"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cart]:
        carts: QuerySet[Cart] = super().get_queryset(request)
        return carts.select_related("user", "checkout").annotate(
            line_count=Count("items"), unit_count=Sum("items__quantity", default=0)
        )

    def tables(self, request: HttpRequest, obj: Cart) -> list[Table]:
        items = obj.items.select_related("variant__product").only(
            *("cart", "quantity", "price", "variant__sku"),
            *("variant__product__product_name", "variant__product__currency"),
        )
        lines = [
            (
                link_to(item.variant.product, item.variant.product.product_name),
                item.variant.sku,
                item.quantity,
                money(item.price, item.variant.product.currency),
                money(item.price * item.quantity, item.variant.product.currency),
            )
            for item in items
        ]
        codes = [(row.coupon.code, when(row.created_at)) for row in obj.entered_coupons.select_related("coupon")]
        tables = [table("Lines, at the prices that were seen", ("Product", "SKU", "Units", "Price", "Together"), lines)]
        if codes:
            tables.append(table("Codes", ("Code", "Entered"), codes))
        orders = [
            (link_to(order), order.get_status_display(), money(order.total_amount, order.currency))
            for order in obj.orders.order_by("-created_at")[:20]
        ]
        if orders:
            tables.append(table("Orders that were made of it", ("Number", "Status", "Total"), orders))
        return tables

    @column("Owner", ordering="user__email")
    def owner(self, cart: Cart) -> str:
        if cart.user is None:
            return "a guest"
        return link_to(cart.user)

    @column("Told at the checkout")
    def contact(self, cart: Cart) -> str:
        told = checkout_of(cart)
        return ", ".join(filter(None, (told.email, told.phone_number))) if told else EMPTY

    @column("Lines", ordering="line_count")
    def lines(self, cart: Any) -> int:
        count: int = cart.line_count
        return count

    @column("Units", ordering="unit_count")
    def units(self, cart: Any) -> int:
        count: int = cart.unit_count
        return count

    @column("Changed", ordering="updated_at")
    def last_change(self, cart: Cart) -> str:
        return when(cart.updated_at)
