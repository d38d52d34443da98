"""Exporting from the list of orders in the admin."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase

from accounts.models import User
from ecommerce.admin_base import ReadOnlyAdmin
from orders.exporting.services import hand_out, may_export
from orders.models import Order


class ExportAction(ReadOnlyAdmin):
    """The action, for the admin of orders: of those selected, or with "select all" of the whole filtered list."""

    def has_export_permission(self, request: HttpRequest) -> bool:
        return may_export(request.user)

    @admin.action(description="Export as CSV", permissions=["export"])
    def export_selected(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponseBase:
        assert isinstance(request.user, User)  # noqa: S101 - the admin lets nobody else in
        orders = Order.objects.filter(pk__in=queryset.order_by().values("pk"))
        return hand_out(orders, user=request.user, request=request, filters=request.GET)
