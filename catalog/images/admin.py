"""Pictures, as shop staff see them: on their product's page, and in a list of those that failed."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from catalog.images import services
from catalog.images.models import ProductImage
from catalog.models import Product
from ecommerce.admin_base import (
    EMPTY,
    WAITING,
    ReadOnlyAdmin,
    ShopAdmin,
    UnfoldTabularInline,
    Waiting,
    badge,
    column,
    detail_action,
    link_to,
    may,
)
from ecommerce.pictures.drawing import MAX_FILE, SIZES
from ecommerce.pictures.exceptions import ImageTooLarge
from ecommerce.pictures.storage import address_of

_LOOKS = {
    ProductImage.State.PROCESSING: "info",
    ProductImage.State.READY: "success",
    ProductImage.State.FAILED: "danger",
}

WAITING.append(
    Waiting(
        "Pictures that failed",
        "broken_image",
        ProductImage.objects.filter(state=ProductImage.State.FAILED),
        "state__exact=failed",
    )
)


def preview(image: ProductImage) -> str:
    if not image.thumbnails:
        return EMPTY
    smallest = image.thumbnails[str(SIZES[0])]
    return format_html(
        '<img src="{}" width="{}" height="{}" alt="{}" loading="lazy" style="max-width: 80px; height: auto">',
        address_of(smallest["file"]),
        smallest["width"],
        smallest["height"],
        image.alt,
    )


def state_badge(image: ProductImage) -> str:
    text = f"{image.get_state_display()}: {image.failure}" if image.failure else image.get_state_display()
    return badge(text, _LOOKS[ProductImage.State(image.state)])


class ImageForm(forms.ModelForm):  # type: ignore[type-arg]
    # Not the column itself: while pictures change places, two of them stand in one.
    place = forms.IntegerField(min_value=1, max_value=services.MAX_IMAGES, widget=UnfoldAdminIntegerFieldWidget())

    class Meta:
        model = ProductImage
        fields = ("alt",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.position is not None:  # unfold also draws an empty row
            self.initial["place"] = self.instance.position + 1


class AddImageForm(forms.Form):
    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget(),
        help_text="A JPEG, PNG, WebP or GIF of at most 5 MB and 25 million pixels.",
    )
    alt = forms.CharField(
        label="Alternative text",
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
        help_text="What is to be seen, for those who cannot see it.",
    )


class ImageInline(UnfoldTabularInline):
    """A product's pictures in their order. New ones come by a page of their own: a bucket is a network away."""

    model = ProductImage
    form = ImageForm
    extra = 0
    fields = ("preview", "place", "alt", "shown_state", "variant")
    readonly_fields = ("preview", "shown_state", "variant")
    verbose_name_plural = "pictures"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProductImage]:
        return super().get_queryset(request).select_related("variant").order_by("position")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "view", Product) or may(request, "change", Product)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "change", Product)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "change", Product)

    @column("Picture")
    def preview(self, image: ProductImage) -> str:
        return preview(image)

    @column("State")
    def shown_state(self, image: ProductImage) -> str:
        return state_badge(image)


class WithPictures(ShopAdmin):
    """What a product's page can do with its pictures."""

    @detail_action("Add a picture", icon="add_photo_alternate", permission="change")
    def add_picture(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(product: Product, data: dict[str, Any]) -> str:
            if data["file"].size > MAX_FILE:
                raise ImageTooLarge()
            _, is_new = services.add_image(product.pk, data=data["file"].read(), alt=data["alt"])
            return "The picture is taken; its thumbnails are being made." if is_new else "The product has it already."

        return self.confirmed(
            request,
            object_id,
            do,
            title="Add a picture",
            button="Upload",
            form_class=AddImageForm,
            network=True,
            permission="change",
        )

    def save_pictures(self, product: Product, formset: Any) -> None:
        """Do what the inline asks for: delete, rename, and put in the order of the places."""
        formset.save(commit=False)  # fills in what the history says
        gone = {image.pk for image in formset.deleted_objects}
        for image in formset.deleted_objects:
            services.delete_image(image)
        places: list[tuple[int, bool, int, UUID]] = []
        for form in formset.initial_forms:
            image = form.instance
            if image.pk in gone:
                continue
            if "alt" in form.changed_data:
                services.update_image(image, alt=form.cleaned_data["alt"])
            # Of two in one place, the one that was put there comes first.
            places.append((form.cleaned_data["place"], "place" not in form.changed_data, image.position, image.pk))
        if any("place" in form.changed_data for form in formset.initial_forms):
            services.reorder_images(product.pk, [pk for *_, pk in sorted(places)])


@admin.register(ProductImage)
class ProductImageAdmin(ReadOnlyAdmin):
    """All pictures, to find those that failed. They are changed on their product's page."""

    list_display = ("preview", "product_link", "alt", "shown_state", "size", "created_at")
    list_filter = ("state", "created_at")
    list_select_related = ("product",)
    search_fields = ("product__product_name", "alt")
    search_help_text = "Product or alternative text"
    ordering = ("-created_at",)
    fields = ("preview", ("product_link", "variant"), ("alt", "position"), ("shown_state", "size"), "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProductImage]:
        images: QuerySet[ProductImage] = super().get_queryset(request)
        return images.defer("product__search_vector", "product__description", "product__attributes")

    @column("Picture")
    def preview(self, image: ProductImage) -> str:
        return preview(image)

    @column("Product", ordering="product__product_name")
    def product_link(self, image: ProductImage) -> str:
        return link_to(image.product)

    @column("State", ordering="state")
    def shown_state(self, image: ProductImage) -> str:
        return state_badge(image)

    @column("Pixels")
    def size(self, image: ProductImage) -> str:
        return f"{image.width} × {image.height}"
