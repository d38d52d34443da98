"""Collections, as shop staff keep them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from catalog.curation.exceptions import InvalidRule
from catalog.curation.models import Collection, CollectionProduct
from catalog.curation.rules import checked_rule
from catalog.models import Product
from catalog.selectors import by_id_or_url_key
from ecommerce.admin_base import EMPTY, ShopAdmin, UnfoldTabularInline, badge, column, may


class CollectionForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Collection
        fields = ("name", "url_key", "description", "position", "kind", "rule", "published_from", "published_until")
        labels = {"url_key": "URL key"}
        help_texts = {
            "rule": 'Of one by rule: conditions that must all hold, such as {"category": ["phones"], '
            '"max_price": "20000.00", "in_stock": true}; also brand, min_price, attributes, created_within_days, '
            "min_rating.",
            "published_from": "Empty: not published.",
            "published_until": "Empty: for ever.",
        }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        kind = data.get("kind", self.instance.kind)
        if "rule" in data:
            if kind == Collection.Kind.BY_RULE:
                try:
                    data["rule"] = checked_rule(data["rule"])
                except InvalidRule as error:
                    for row in error.rows:
                        self.add_error("rule", f"{row.attr}: {row.detail}")
            elif data["rule"]:
                self.add_error("rule", "A collection by hand has no rule.")
        return data


class PlaceForm(forms.ModelForm):  # type: ignore[type-arg]
    key = forms.CharField(
        label="Product", max_length=140, widget=UnfoldAdminTextInputWidget(), help_text="Its URL key."
    )

    class Meta:
        model = CollectionProduct
        fields = ("position",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.product_id:
            self.initial["key"] = self.instance.product.url_key

    def clean_key(self) -> str:
        key: str = self.cleaned_data["key"]
        product = Product.objects.filter(by_id_or_url_key(key), deleted_at__isnull=True).only("product_name").first()
        if product is None:
            raise forms.ValidationError("There is no such product.", code="unknown_product")
        self.instance.product = product
        return key


class PlaceInline(UnfoldTabularInline):
    """The products of a collection by hand, under the collection's own permissions."""

    model = CollectionProduct
    form = PlaceForm
    extra = 0
    per_page = 50
    fields = ("key", "product_name", "position")
    readonly_fields = ("product_name",)
    verbose_name_plural = "products"

    def get_queryset(self, request: HttpRequest) -> Any:
        shown = ("collection", "position", "product__product_name", "product__url_key")
        return super().get_queryset(request).select_related("product").only(*shown)

    @column("Name")
    def product_name(self, place: CollectionProduct) -> str:
        return place.product.product_name if place.product_id else EMPTY

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "view", Collection) or may(request, "change", Collection)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "change", Collection)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "change", Collection)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "change", Collection)


@admin.register(Collection)
class CollectionAdmin(ShopAdmin):
    """Products that are shown together: chosen here, or by a rule that is never out of date."""

    form = CollectionForm
    list_display = ("name", "kind", "position", "state", "published_from", "published_until")
    list_filter = ("kind",)
    search_fields = ("name", "url_key")
    ordering = ("position", "name")
    prepopulated_fields = {"url_key": ("name",)}
    fields = (
        ("name", "url_key"),
        "description",
        ("kind", "position"),
        "rule",
        ("published_from", "published_until"),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("kind",) if obj else ()

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return [PlaceInline] if obj is not None and obj.kind == Collection.Kind.BY_HAND else []

    @column("State")
    def state(self, collection: Collection) -> str:
        now = timezone.now()
        if collection.published_from is None:
            return badge("Not published")
        if collection.published_until is not None and collection.published_until <= now:
            return badge("Past")
        return badge("To come", "info") if collection.published_from > now else badge("Published", "success")
