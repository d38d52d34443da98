"""Price lists and groups of customers, as shop staff keep them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.history.admin import WithHistory
from catalog.models import Variant
from catalog.prices.file_admin import WithPriceFiles
from catalog.prices.models import CustomerGroup, PriceList, PriceListItem
from catalog.prices.selectors import customer_groups, price_lists
from ecommerce.admin_base import EMPTY, ShopAdmin, UnfoldTabularInline, badge, column, may
from ecommerce.currencies import ISO_4217


class ItemForm(forms.ModelForm):  # type: ignore[type-arg]
    sku = forms.CharField(label="SKU", max_length=64, widget=UnfoldAdminTextInputWidget())

    class Meta:
        model = PriceListItem
        fields = ("min_quantity", "price")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.variant_id:
            self.initial["sku"] = self.instance.variant.sku

    def clean_sku(self) -> str:
        sku: str = self.cleaned_data["sku"]
        variant = Variant.objects.select_related("product").only("sku", "product__currency").filter(sku=sku).first()
        if variant is None:
            raise forms.ValidationError("There is no such variant.", code="unknown_variant")
        currency = self.instance.price_list.currency
        if variant.product.currency != currency:
            raise forms.ValidationError(f"It is not priced in {currency}.", code="wrong_currency")
        self.instance.variant = variant
        return sku


class ItemInline(UnfoldTabularInline):
    """The prices of a list, under the list's own permissions. Many at once come by a file."""

    model = PriceListItem
    form = ItemForm
    extra = 0
    per_page = 50
    fields = ("sku", "product_name", "min_quantity", "price")
    readonly_fields = ("product_name",)
    verbose_name_plural = "prices"

    def get_queryset(self, request: HttpRequest) -> QuerySet[PriceListItem]:
        own = [field.name for field in PriceListItem._meta.concrete_fields]
        items = super().get_queryset(request).select_related("variant__product")
        shown = ("variant__sku", "variant__product__product_name", "variant__product__currency")
        return items.only(*own, *shown).order_by("variant__sku", "min_quantity", "id")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "view", PriceList) or may(request, "change", PriceList)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is not None and may(request, "change", PriceList)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "change", PriceList)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "change", PriceList)

    @column("Product")
    def product_name(self, item: PriceListItem) -> str:
        return item.variant.product.product_name if item.variant_id else EMPTY


class PriceListForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = PriceList
        fields = ("name", "currency", "group", "valid_from", "valid_until", "priority", "is_active")
        help_texts = {
            "group": "Nobody chosen: everybody.",
            "valid_from": "Empty: since ever.",
            "valid_until": "Empty: for ever.",
            "priority": "The list with the highest decides; of several such ones, the lowest price.",
        }

    def clean_currency(self) -> str:
        code: str = self.cleaned_data["currency"]
        if code not in ISO_4217:
            raise forms.ValidationError("Give an ISO 4217 code, such as KES.", code="invalid")
        return code


@admin.register(PriceList)
class PriceListAdmin(WithPriceFiles, WithHistory):
    """Prices for a group or everybody. A list never raises a price above the variant's own."""

    form = PriceListForm
    list_display = ("name", "group", "currency", "item_count", "state", "valid_from", "valid_until", "priority")
    list_filter = ("is_active", "group")
    list_select_related = ("group",)
    search_fields = ("name", "group__name")
    ordering = ("-priority", "name")
    autocomplete_fields = ("group",)
    fields = (("name", "group"), ("currency", "priority"), ("valid_from", "valid_until"), "is_active")
    inlines = (ItemInline,)
    actions_detail = ("upload_prices", "export_prices", "apply_prices")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PriceList]:
        return price_lists()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("currency",) if obj else ()  # its prices are in it

    @column("Prices")
    def item_count(self, price_list: PriceList) -> int:
        count: int = price_list.item_count  # type: ignore[attr-defined]
        return count

    @column("State")
    def state(self, price_list: PriceList) -> str:
        now = timezone.now()
        if not price_list.is_active:
            return badge("Off")
        if price_list.valid_until is not None and price_list.valid_until <= now:
            return badge("Past")
        if price_list.valid_from is not None and price_list.valid_from > now:
            return badge("To come", "info")
        return badge("In force", "success")


@admin.register(CustomerGroup)
class CustomerGroupAdmin(ShopAdmin):
    """Customers who share prices."""

    list_display = ("name", "member_count", "description")
    search_fields = ("name", "description")
    autocomplete_fields = ("members",)
    fields = ("name", "description", "members")

    def get_queryset(self, request: HttpRequest) -> QuerySet[CustomerGroup]:
        return customer_groups()

    @column("Members")
    def member_count(self, group: CustomerGroup) -> int:
        count: int = group.member_count  # type: ignore[attr-defined]
        return count
