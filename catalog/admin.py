"""The catalogue, as shop staff keep it."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html
from unfold.views import ChangeList

from accounts.history.admin import WithHistory
from catalog import services, stock
from catalog.attributes.admin import AttributeAdmin
from catalog.attributes.models import Attribute
from catalog.curation import admin as curation_admin  # noqa: F401 - registers itself
from catalog.currencies.admin import ExchangeRateAdmin
from catalog.exchange.admin import WithExchange
from catalog.forms import SELLING, BrandForm, CategoryForm, NewVariantForm, ProductForm, VariantForm
from catalog.history import admin as history_admin  # noqa: F401 - registers its lists
from catalog.images.admin import ImageInline, WithPictures
from catalog.inventory import admin as inventory_admin  # noqa: F401 - registers its pages
from catalog.models import Brand, Category, ExchangeRate, Product, ProductQuerySet, Stock, StockMovement, Variant
from catalog.prices import admin as prices_admin  # noqa: F401 - registers itself
from catalog.reviews.admin import ReviewAdmin
from catalog.reviews.models import Review
from catalog.searching import admin as searching_admin  # noqa: F401 - registers itself
from catalog.searching.matching import search_products
from catalog.searching.words import SearchTooLong
from catalog.stock_admin import StockAdmin, StockMovementAdmin
from catalog.tagging.admin import TagAdmin
from catalog.tagging.models import Tag
from catalog.tagging.services import clean_tags
from catalog.taxonomy.admin import MergesBrands
from ecommerce.admin_base import (
    ShopAdmin,
    UnfoldStackedInline,
    column,
    detail_action,
    link_to,
    may,
    money,
    when,
)


def with_names(categories: QuerySet[Category]) -> Any:
    """Annotate ``names``: those of all ancestors and the category's own. Ordered by it, a list is a tree."""
    ancestors = Category.objects.filter(path__ancestor_of=OuterRef("path")).order_by("path")
    return categories.annotate(names=ArraySubquery(ancestors.values("category_name")))


def count_of(rows: QuerySet[Any], field: str) -> Coalesce:
    counted = rows.order_by().values(field).annotate(total=Count("pk")).values("total")
    return Coalesce(Subquery(counted), 0)


# --- Products -------------------------------------------------------------------------------------------------


class RemovedFilter(admin.SimpleListFilter):
    """Removed products are out of sight until somebody asks for them."""

    title = "shop window"
    parameter_name = "removed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Removed")]

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            yield choice | {"display": "In the catalogue"} if choice["display"] == "All" else choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> QuerySet[Product]:
        return queryset.filter(deleted_at__isnull=self.value() != "yes")


class BranchFilter(admin.SimpleListFilter):
    """A category with everything below it."""

    title = "category"
    parameter_name = "branch"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (category.url_key, "– " * (len(category.names) - 1) + category.category_name)
            for category in with_names(Category.objects.all()).order_by("names")
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> QuerySet[Product]:
        if self.value() is None:
            return queryset
        top = Category.objects.filter(url_key=self.value()).values("path")
        return queryset.filter(category__path__in_branch=Subquery(top))


class VariantInline(UnfoldStackedInline):
    """The variants of a product, under the product's own permissions: neither is anything without the other."""

    model = Variant
    extra = 0
    min_num = 1
    can_delete = False  # orders and the stock ledger name it; a variant that is not sold any more is made inactive
    readonly_fields = ("stock",)
    formfield_overrides = ShopAdmin.formfield_overrides
    NEW = (
        ("sku", "mpn"),
        ("price", "compare_at_price"),
        ("options", "first_units"),
        ("weight_grams", "barcode"),
        SELLING,
    )
    EXISTING = (
        ("sku", "mpn"),
        ("price", "compare_at_price"),
        ("options", "stock"),
        ("weight_grams", "barcode"),
        ("image_url", "position"),
        SELLING,
        "is_active",
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.NEW if obj is None else self.EXISTING

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = NewVariantForm if obj is None else VariantForm
        own = type(form.__name__, (form,), {"may_sell_beyond": may(request, "change", Stock)})
        return super().get_formset(request, obj, **kwargs, form=own, validate_min=True)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Variant]:
        return super().get_queryset(request).select_related("stock_level")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "view", Product) or may(request, "change", Product)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "add" if obj is None else "change", Product)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "change", Product)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @column("Stock")
    def stock(self, variant: Variant) -> str:
        level = getattr(variant, "stock_level", None)
        if level is None:
            return "0 available; goods come in under Stock, once the variant is saved"
        return link_to(level, f"{level.available} available, {level.on_hand} on hand")


@admin.register(Product)
class ProductAdmin(WithExchange, WithPictures, WithHistory):
    """Products with their variants. Deleting takes a product out of the shop; it can be restored."""

    form = ProductForm
    inlines = (VariantInline, ImageInline)
    list_display = ("name_and_picture", "brand", "category", "price_from", "stock", "stocked", "is_active")
    list_filter = (RemovedFilter, "is_active", "in_stock", BranchFilter, "kind", "brand")
    list_select_related = ("brand", "category")
    search_fields = ("product_name",)  # makes the box appear; get_search_results does the work
    search_help_text = "Name, SKU or part number (MPN)"
    ordering = ("-created_at", "id")
    autocomplete_fields = ("category", "brand", "seller")
    prepopulated_fields = {"url_key": ("product_name",)}
    actions = ("restore_selected",)
    actions_list = ("import_products", "export_products")
    actions_detail = ("add_picture", "restore")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("product_name", "url_key"),
                    ("category", "brand"),
                    "description",
                    ("kind", "seller"),
                    ("image_url", "is_active"),
                    ("tax_kind", "item_class_code"),
                    "attributes",
                    "tag_names",
                )
            },
        ),
        (
            "Kept by the shop",
            {"fields": (("price_from", "stocked"), ("source_id", "removed"), ("created_at", "updated_at"))},
        ),
    )
    readonly_fields = ("price_from", "stocked", "source_id", "removed", "created_at", "updated_at")

    # --- Who may do what ---------------------------------------------------------------------------------------

    def has_act_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "delete", Product)  # who may remove may also restore

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        removed = isinstance(obj, Product) and obj.deleted_at is not None
        return not removed and super().has_delete_permission(request, obj)

    def offers(self, name: str, obj: Product) -> bool:
        return (obj.deleted_at is not None) == (name == "restore")

    # --- Forms -------------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> ProductQuerySet:
        return Product.objects.with_stock().defer("search_vector")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.may_add_tags = may(request, "add", Tag)
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj else self.fieldsets[:1]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # Open orders hold stock, or do not, by the kind that their products have.
        return (*self.readonly_fields, "kind") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        if change:
            more = ["attributes"] if "category" in form.changed_data else []  # as it has them
            if "tag_names" in form.changed_data:
                obj.tags = clean_tags(form.cleaned_data["tag_names"], create=may(request, "add", Tag))
                more.append("tags")
            self.save_changed(obj, form, *more)
        # A new product is made together with its variants, in save_related.

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        product, variants = form.instance, formsets[0]
        rows = variants.save(commit=False)  # fills in what the history says, too
        if not change:
            fields = {name: form.cleaned_data[name] for name in ProductForm.Meta.fields}
            fields["tags"] = clean_tags(form.cleaned_data["tag_names"], create=may(request, "add", Tag))
            inputs = [row.as_input() for row in variants.forms if row.has_changed()]
            # A form of a product with variants takes the id off its instance; what is logged and linked needs one.
            product.pk = services.create_product(variants=inputs, actor=request.user, **fields).pk
            self._save_selling(product, variants.forms)
            return
        changed = {row.pk: names for row, names in variants.changed_objects}
        columns = {field.name for field in Variant._meta.concrete_fields}
        for row in rows:
            if row._state.adding:
                row.save()
            else:
                row.save(update_fields=[*(name for name in changed[row.pk] if name in columns), "updated_at"])
        self._save_selling(product, variants.forms)
        services.refresh_product(product.pk, touch=bool(rows))
        for formset in formsets[1:]:
            self.save_pictures(product, formset)

    def _save_selling(self, product: Product, forms: Any) -> None:
        wanted = {form.cleaned_data["sku"]: form.selling for form in forms if form.changes_selling and form.selling}
        found = Variant.objects.filter(product_id=product.pk, sku__in=wanted).values_list("pk", "sku")
        stock.set_selling({pk: wanted[sku] for pk, sku in found})

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else self.inlines[:1]  # a picture needs a product that is there

    # --- Removing and restoring --------------------------------------------------------------------------------

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        names = [str(obj) for obj in objs]
        return names, {"products": len(names)}, set(), []  # nothing else goes with them

    def delete_model(self, request: HttpRequest, obj: Product) -> None:
        services.soft_delete_product(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        for product in queryset.filter(deleted_at__isnull=True):
            services.soft_delete_product(product)

    @detail_action("Restore", icon="restore_from_trash")
    def restore(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(product: Product, _: dict[str, Any]) -> str:
            services.restore_product(product)
            return "Back in the catalogue."

        question = "Customers find and order it again, if it is active."
        return self.confirmed(request, object_id, do, title="Restore", question=question)

    @admin.action(description="Restore selected products", permissions=["act"])
    def restore_selected(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        removed = list(queryset.filter(deleted_at__isnull=False))
        for product in removed:
            services.restore_product(product)
            self.log_change(request, product, "Back in the catalogue.")
        messages.success(request, f"{len(removed)} back in the catalogue.")

    # --- Finding -----------------------------------------------------------------------------------------------

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[QuerySet[Product], bool]:
        """Find as the shop's own search does: words, part numbers, typos."""
        if not search_term.strip():
            return queryset, False
        try:
            return search_products(queryset, search_term), False
        except SearchTooLong as error:
            messages.error(request, error.message)
            return queryset.none(), False

    # --- Columns -----------------------------------------------------------------------------------------------

    @column("Product", ordering="product_name", header=True)
    def name_and_picture(self, product: Product) -> list[Any]:
        initials = "".join(word[0] for word in product.product_name.split()[:2])
        picture = {"path": product.shown_image_url, "squared": True, "width": 32, "height": 32}
        return [product.product_name, "", initials, picture if product.shown_image_url else None]

    @column("Price", ordering="price")
    def price_from(self, product: Product) -> str:
        return money(product.price, product.currency)

    @column("Stock", ordering="stock")
    def stock(self, product: Product) -> int:
        units: int = product.stock  # type: ignore[attr-defined]
        return units

    @column("In stock", ordering="in_stock", boolean=True)
    def stocked(self, product: Product) -> bool:
        return product.in_stock

    @column("Removed")
    def removed(self, product: Product) -> str:
        return when(product.deleted_at)


# --- Categories and brands ------------------------------------------------------------------------------------


class TreeChangeList(ChangeList):  # type: ignore[misc]
    def get_ordering(self, request: HttpRequest, queryset: Any) -> list[str]:
        return ["names"]


@admin.register(Category)
class CategoryAdmin(WithHistory):
    """The tree. A category moves, with everything below it, when its parent is changed."""

    form = CategoryForm
    list_display = ("in_tree", "url_key", "product_count")
    list_per_page = 500
    sortable_by = ()  # any other order would tear the tree apart
    search_fields = ("category_name", "url_key")
    autocomplete_fields = ("parent",)
    prepopulated_fields = {"url_key": ("category_name",)}
    fields = ("category_name", "url_key", "parent", "only_defined_attributes")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return TreeChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        shown = Product.objects.filter(category=OuterRef("pk"), deleted_at__isnull=True)
        counted = super().get_queryset(request).annotate(product_count=count_of(shown, "category"))
        categories: QuerySet[Category] = with_names(counted)
        return categories

    def save_model(self, request: HttpRequest, obj: Category, form: Any, change: bool) -> None:
        services.save_category(category=obj, **{name: form.cleaned_data[name] for name in CategoryForm.Meta.fields})

    @column("Category")
    def in_tree(self, category: Category) -> str:
        # Dashes, not padding: a phone sets the rows of a list flush right.
        depth = len(category.names) - 1  # type: ignore[attr-defined]
        return "— " * depth + category.category_name

    @column("Products")
    def product_count(self, category: Category) -> str:
        count = category.product_count  # type: ignore[attr-defined]
        url = reverse("admin:catalog_product_changelist", query={"branch": category.url_key})
        return format_html('<a href="{}" class="text-link">{}</a>', url, count)


@admin.register(Brand)
class BrandAdmin(MergesBrands, WithHistory):
    form = BrandForm
    list_display = ("name", "url_key", "product_count")
    search_fields = ("name", "url_key")
    prepopulated_fields = {"url_key": ("name",)}
    fields = ("name", "url_key", "image_url")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Brand]:
        shown = Product.objects.filter(brand=OuterRef("pk"), deleted_at__isnull=True)
        brands: QuerySet[Brand] = super().get_queryset(request).annotate(product_count=count_of(shown, "brand"))
        return brands

    def save_model(self, request: HttpRequest, obj: Brand, form: Any, change: bool) -> None:
        services.save_brand(brand=obj, **{name: form.cleaned_data[name] for name in BrandForm.Meta.fields})

    @column("Products")
    def product_count(self, brand: Brand) -> int:
        count: int = brand.product_count  # type: ignore[attr-defined]
        return count


# --- Of the other modules -------------------------------------------------------------------------------------

admin.site.register(Attribute, AttributeAdmin)
admin.site.register(ExchangeRate, ExchangeRateAdmin)
admin.site.register(Review, ReviewAdmin)
admin.site.register(Stock, StockAdmin)
admin.site.register(StockMovement, StockMovementAdmin)
admin.site.register(Tag, TagAdmin)
