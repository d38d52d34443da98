"""Forms of the admin about the catalogue."""

import json
from typing import Any

from django import forms
from django.utils.text import slugify
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminURLInputWidget,
)

from catalog.attributes.cleaning import clean_attributes
from catalog.attributes.exceptions import AttributesRefused
from catalog.duplicates import is_id
from catalog.editing.url_keys import RESERVED, RESERVED_TEXT, free_url_key
from catalog.inventory.availability import AvailabilityPolicy, Selling
from catalog.inventory.exceptions import AvailabilityNotWhole
from catalog.models import Brand, Category, Product, StockMovement, Variant
from catalog.services import VariantInput
from catalog.tagging.exceptions import TagsRefused
from catalog.tagging.selectors import shown_names
from catalog.tagging.services import clean_names, clean_tags

SELLING = ("availability_policy", "backorder_limit", "available_from")  # columns of Stock
MOST_UNITS = 1_000_000  # of one adjustment; more is a slip of the finger


class OptionsField(forms.CharField):
    """A variant's options, one to a line: ``color: Black``. The value is a dictionary of texts."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("required", False)
        kwargs.setdefault("widget", UnfoldAdminTextareaWidget(attrs={"rows": 2}))
        kwargs.setdefault("help_text", "What tells this variant from the others, one to a line: color: Black")
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(f"{name}: {text}" for name, text in value.items()) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Any:
        options: dict[str, str] = {}
        for line in (super().to_python(value) or "").splitlines():
            name, colon, text = (part.strip() for part in line.partition(":"))
            if not (name or colon or text):
                continue
            if not name or not text:
                raise forms.ValidationError("Write one option to a line, such as color: Black", code="invalid")
            if name in options:
                raise forms.ValidationError(f"“{name}” stands there twice.", code="invalid")
            options[name] = text
        return options

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            typed: dict[str, str] = self.to_python(data or "")
        except forms.ValidationError:
            return True
        return typed != {name: str(text) for name, text in (initial or {}).items()}


class AttributesField(forms.JSONField):
    """A JSON object that PostgreSQL can store, shown with one attribute to a line."""

    def prepare_value(self, value: Any) -> Any:
        return json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Any:
        attributes = super().to_python(value)
        if attributes is None:
            return {}
        if not isinstance(attributes, dict):
            raise forms.ValidationError('Write a JSON object, such as {"warranty_months": 12}', code="invalid")
        try:
            # NaN, half a surrogate pair and NUL are JSON to Python alone.
            text = json.dumps(attributes, ensure_ascii=False, allow_nan=False)
            storable = bool(text.encode()) and "\\u0000" not in text
        except ValueError:
            storable = False
        if not storable:
            raise forms.ValidationError("A value cannot be stored.", code="invalid")
        return attributes


class UrlKeyMixin:
    """The url_key may be left empty: it is made from the name."""

    named_after: str
    cleaned_data: dict[str, Any]
    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "url_key" in self.fields:
            self.fields["url_key"].required = False
            self.fields["url_key"].help_text = "Part of the address in the shop; made from the name when empty."

    def clean_url_key(self) -> str:
        # The name comes before the url_key in every form, so it is clean already.
        url_key: str = self.cleaned_data["url_key"] or slugify(self.cleaned_data.get(self.named_after, ""))[:140]
        if not url_key:
            raise forms.ValidationError("Give a url_key: none can be made from this name.", code="required")
        if is_id(url_key):
            raise forms.ValidationError("A url_key cannot be a UUID.", code="invalid")
        return url_key


class CategoryForm(UrlKeyMixin, forms.ModelForm):  # type: ignore[type-arg]
    named_after = "category_name"

    class Meta:
        model = Category
        fields = ("category_name", "url_key", "parent", "only_defined_attributes")
        labels = {"url_key": "URL key"}

    def clean_parent(self) -> Category | None:
        parent: Category | None = self.cleaned_data["parent"]
        if parent is not None and self.instance.pk.hex in parent.path.split("."):
            raise forms.ValidationError("A category cannot stand below itself.", code="category_cycle")
        return parent


class BrandForm(UrlKeyMixin, forms.ModelForm):  # type: ignore[type-arg]
    named_after = "name"
    image_url = forms.URLField(
        label="Logo (address)",
        required=False,
        max_length=500,
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget(),
    )

    class Meta:
        model = Brand
        fields = ("name", "url_key", "image_url")
        labels = {"url_key": "URL key"}


class ProductForm(UrlKeyMixin, forms.ModelForm):  # type: ignore[type-arg]
    named_after = "product_name"
    may_add_tags = False  # the reader
    image_url = forms.URLField(
        label="Picture (address)",
        required=False,
        max_length=500,
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget(),
    )
    attributes = AttributesField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        help_text='Facts for filters and the product page, as JSON: {"warranty_months": 12}',
    )

    tag_names = forms.CharField(
        label="Tags",
        required=False,
        max_length=5000,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Names, with commas between. Unknown ones are made, by who may add tags.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.tags:
            self.initial["tag_names"] = ", ".join(shown_names(self.instance.tags))

    class Meta:
        model = Product
        fields = (
            "product_name",
            "url_key",
            "description",
            "category",
            "brand",
            "kind",
            "seller",
            "image_url",
            "attributes",
            "tax_kind",
            "item_class_code",
            "is_active",
        )
        labels = {"url_key": "URL key", "tax_kind": "VAT", "item_class_code": "KRA class code"}

    def clean_url_key(self) -> str:
        is_made = not self.cleaned_data["url_key"]
        url_key = super().clean_url_key()
        if url_key in RESERVED and is_made:
            return free_url_key(self.cleaned_data["product_name"])
        if url_key in RESERVED:
            raise forms.ValidationError(RESERVED_TEXT, code="url_key_reserved")
        return url_key

    def clean_tag_names(self) -> list[str]:
        parts = (part.strip() for part in self.cleaned_data["tag_names"].split(","))
        names = list(dict.fromkeys(name for name in parts if name))
        try:
            return clean_names(names) if self.may_add_tags else clean_tags(names)
        except TagsRefused as refusal:
            raise forms.ValidationError([row.detail for row in refusal.rows], code="invalid") from None

    def clean_item_class_code(self) -> str:
        code: str = self.cleaned_data["item_class_code"].strip()
        if code and not (code.isascii() and code.isdigit()):
            raise forms.ValidationError("Digits only.", code="invalid")
        return code

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        asked = {"category", "attributes"}
        if asked <= data.keys() and not asked.isdisjoint(self.changed_data):
            try:
                data["attributes"] = clean_attributes(data["category"], data["attributes"])
            except AttributesRefused as refusal:
                for row in refusal.rows:
                    name = (row.attr or "").removeprefix("attributes").removeprefix(".")
                    self.add_error("attributes", f"{name}: {row.detail}" if name else row.detail)
        return data


class PolicyField(forms.ChoiceField):
    """What a variant of which nothing is left does; a form without it leaves that alone."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(data) and super().has_changed(initial, data)


class SellingForm(forms.Form):
    """Whether a variant is sold beyond what is here."""

    POLICIES = (
        (AvailabilityPolicy.DENY.value, "Not sold when nothing is left"),
        (AvailabilityPolicy.BACKORDER.value, "Back-order: sold now, sent when more have come"),
        (AvailabilityPolicy.PREORDER.value, "Pre-order: sold before it is out"),
    )

    availability_policy = PolicyField(
        label="When nothing is left",
        choices=POLICIES,
        required=False,
        initial=AvailabilityPolicy.DENY.value,
        widget=UnfoldAdminSelectWidget(choices=POLICIES),
    )
    backorder_limit = forms.IntegerField(
        label="At most",
        min_value=0,
        max_value=MOST_UNITS,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="Units that are sold beyond those that are here. What was sold beyond a lower limit stays sold.",
    )
    available_from = forms.DateField(
        label="Expected from",
        required=False,
        widget=UnfoldAdminDateWidget(),
        help_text="What customers are told; a pre-order needs it.",
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        selling = self.selling
        if not self.errors and selling is not None:
            try:
                selling.check()
            except AvailabilityNotWhole as refusal:
                for row in refusal.rows:
                    self.add_error(row.attr, row.detail)
        return data

    @property
    def selling(self) -> Selling | None:
        """What a clean form says; None where it says nothing."""
        policy = self.cleaned_data.get("availability_policy")
        if not policy:
            return None
        limit, day = self.cleaned_data.get("backorder_limit"), self.cleaned_data.get("available_from")
        return Selling(AvailabilityPolicy(policy), limit or 0, day)


class VariantForm(SellingForm, forms.ModelForm):  # type: ignore[type-arg]
    may_sell_beyond = False  # the reader
    options = OptionsField()
    compare_at_price = forms.DecimalField(
        required=False,
        min_value=0,
        max_digits=12,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text="The former price, shown struck through.",
    )

    class Meta:
        model = Variant
        fields = ("sku", "mpn", "options", "price", "compare_at_price", "weight_grams", "barcode")
        labels = {
            "sku": "SKU",
            "mpn": "Part number (MPN)",
            "weight_grams": "Weight in grams",
            "image_url": "Picture (address)",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        level = getattr(self.instance, "stock_level", None)
        for name in SELLING:
            if level is not None:
                self.initial[name] = getattr(level, name) or None
            self.fields[name].disabled = not self.may_sell_beyond

    @property
    def changes_selling(self) -> bool:
        return bool(set(SELLING) & set(self.changed_data))


class NewVariantForm(VariantForm):
    """A variant of a product that is being made: it starts with stock."""

    first_units = forms.IntegerField(
        label="First stock",
        required=False,
        min_value=0,
        max_value=MOST_UNITS,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="Units on the shelf from the start; later ones come in under Stock.",
    )

    def as_input(self) -> VariantInput:
        """Return a clean form's variant as ``create_product`` takes it."""
        data = self.cleaned_data
        return VariantInput(
            sku=data["sku"],
            price=data["price"],
            options=data["options"],
            mpn=data["mpn"],
            compare_at_price=data["compare_at_price"],
            weight_grams=data["weight_grams"],
            barcode=data["barcode"],
            stock=data["first_units"] or 0,
        )


class AdjustStockForm(forms.Form):
    """Units that came or went, and why."""

    KINDS = (
        (StockMovement.Kind.ADJUST.value, "Correction"),
        (StockMovement.Kind.RECEIVE.value, "Goods came in"),
        (StockMovement.Kind.RETURN.value, "Came back and can be sold again"),
    )

    units = forms.IntegerField(
        min_value=-MOST_UNITS,
        max_value=MOST_UNITS,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"autofocus": True, "inputmode": "text"}),
        help_text="How many more (5) or fewer (-2) there are; not the new total.",
    )
    kind = forms.ChoiceField(label="What happened", choices=KINDS, widget=UnfoldAdminSelectWidget(choices=KINDS))
    reason = forms.CharField(
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Kept in the ledger with your name: a delivery note, “broken in the shop”.",
    )

    def clean_units(self) -> int:
        units: int = self.cleaned_data["units"]
        if units == 0:
            raise forms.ValidationError("Nothing would change.", code="invalid")
        return units

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("kind") in (StockMovement.Kind.RECEIVE, StockMovement.Kind.RETURN) and data.get("units", 1) < 0:
            self.add_error("units", "What comes in is counted with a positive number.")
        return data


class AvailabilityForm(SellingForm):
    """Whether a variant is sold beyond what is here, by itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["availability_policy"].required = True
