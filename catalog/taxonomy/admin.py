"""Brands, as staff merge them in the admin."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from unfold.widgets import UnfoldAdminSelectWidget

from catalog.models import Brand
from catalog.taxonomy import services
from ecommerce.admin_base import ShopAdmin, Table, detail_action, may, table


class MergeForm(forms.Form):
    into = forms.ModelChoiceField(
        queryset=Brand.objects.filter(merged_into__isnull=True),
        label="Brand that stays",
        widget=UnfoldAdminSelectWidget(),
        help_text="All products of this brand get that one. This name keeps finding it, also for imports.",
    )


class MergesBrands(ShopAdmin):
    """Brands that can become part of another one; their former names are not among the brands."""

    actions_detail = ("merge",)

    def has_act_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "change", Brand) and may(request, "delete", Brand)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Brand]:
        brands: QuerySet[Brand] = super().get_queryset(request).filter(merged_into__isnull=True)
        return brands

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        tables = super().tables(request, obj)
        rows = [(brand.name, brand.url_key) for brand in obj.former.order_by("name")]
        return [table("Former names", ("Name", "URL key"), rows), *tables] if rows else tables

    @detail_action("Merge into another", icon="merge", danger=True)
    def merge(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(brand: Brand, data: dict[str, Any]) -> str:
            target = services.merge_brands(brand.pk, into=data["into"].pk)
            return f"Has become part of {target}."

        return self.confirmed(
            request, object_id, do, title="Merge into another brand", danger=True, form_class=MergeForm
        )
